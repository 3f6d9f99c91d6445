# SPDX-License-Identifier: PostgreSQL
#
# A server that is none: asks for passwords and writes down what it is told (listener.py).
#
#   my $listener = Altius::Listener->new($dir, $port, 'clear', host => '127.0.0.1', cert => [ $certificate, $key ]);
#   $listener->heard; $listener->stop;

package Altius::Listener;

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use IPC::Run ();
use Time::HiRes qw(sleep);

my $program = abs_path(dirname(__FILE__) . '/../listener.py');
my $number = 0;

sub new {
    my ($class, $dir, $port, $way, %options) = @_;
    my $log = "$dir/listener-" . $number++;
    my $self = bless { log => $log }, $class;
    $self->{said} = '';
    $self->{process} = IPC::Run::start([ 'python3', $program, $options{host} // '127.0.0.1', $port, $log, $way,
        @{ $options{cert} // [] } ], '<', \undef, '>&', \$self->{said});
    for (1 .. 50) {
        return $self if -s $log;
        sleep 0.1;
    }
    die "no listener on port $port: $self->{said}";
}

sub heard {
    my ($self) = @_;
    open my $file, '<:raw', $self->{log} or die "$self->{log}: $!";
    local $/ = undef;
    return scalar <$file>;
}

sub stop {
    my ($self) = @_;
    $self->{process}->kill_kill(grace => 1) if $self->{process};
    delete $self->{process};
    return $self->heard;
}

sub DESTROY { my ($self) = @_; local ($?, $@); eval { $self->stop }; return }

1;
