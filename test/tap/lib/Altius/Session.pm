# SPDX-License-Identifier: PostgreSQL
#
# A psql that stays open, so that a test holds a transaction while others go on.
#
#   my $out = $session->query('BEGIN; UPDATE ...');   # waits for the answer; dies when a statement fails
#   $session->send('UPDATE ...');                     # does not wait: the statement may block
#   my ($out, $error) = $session->finish;             # what came until now, once everything sent is answered

package Altius::Session;

use strict;
use warnings;
use IPC::Run ();
use Scalar::Util qw(weaken);

# A psql may have ended (its backend was terminated) when something is written to it.  Not IGNORE: children inherit that.
$SIG{PIPE} = sub { };

my @all;
# Not later: objects that closures refer to outlive the modules that end a program.
END {
    local $?;
    $_->end for grep { defined } @all;
}

sub new {
    my ($class, $program, @connection) = @_;
    my $self = bless { in => '', out => '', error => '', number => 0 }, $class;
    $self->{timer} = IPC::Run::timer(180);
    $self->{harness} = IPC::Run::start([ $program, '-XAtq', '-v', 'VERBOSITY=verbose', @connection ],
        '<', \$self->{in}, '>', \$self->{out}, '2>', \$self->{error}, $self->{timer});
    push @all, $self;
    weaken($all[-1]);
    $self->query('SELECT 1');
    return $self;
}

sub send {
    my ($self, $sql) = @_;
    $self->{in} .= "$sql\n;\n";
    $self->{harness}->pump_nb;
    return;
}

# Everything that was sent has been answered when the echoed mark comes back on both channels.
sub finish {
    my ($self) = @_;
    my $mark = 'done-' . ++$self->{number};
    $self->{in} .= "\\echo $mark\n\\warn $mark\n";
    $self->{timer}->start(180);
    $self->{harness}->pump until $self->{out} =~ /^\Q$mark\E\n/m && $self->{error} =~ /^\Q$mark\E\n/m;
    my ($out, $error) = ($self->{out}, $self->{error});
    ($self->{out}, $self->{error}) = ('', '');
    s/^\Q$mark\E\n//m, s/\n\z// for $out, $error;
    return ($out, $error);
}

sub query {
    my ($self, $sql) = @_;
    $self->send($sql);
    my ($out, $error) = $self->finish;
    die "$sql\n$error" if $error =~ /(ERROR|FATAL):/;
    return $out;
}

# Ends the client as a crash of the application would.
sub close {
    my ($self) = @_;
    $self->{in} .= "\\q\n";
    eval { $self->{harness}->finish };
    return;
}

sub end {
    my ($self) = @_;
    local ($?, $@);
    my $harness = delete $self->{harness} or return;
    eval { $harness->kill_kill(grace => 1) };
    return;
}

sub DESTROY {
    my ($self) = @_;
    $self->end unless ${^GLOBAL_PHASE} eq 'DESTRUCT';
    return;
}

1;
