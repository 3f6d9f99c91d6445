# SPDX-License-Identifier: PostgreSQL
#
# A connection that speaks PostgreSQL's protocol byte by byte, for what psql would never send.
#
#   my $wire = Altius::Wire->new($port, 'altius', application_name => 'test');
#   my ($state) = $wire->copy("COPY t FROM STDIN", $bytes);    # SQLSTATE, '' without an error; undef when the session is gone

package Altius::Wire;

use strict;
use warnings;
use IO::Socket::INET ();

sub new {
    my ($class, $port, $database, %parameters) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Proto => 'tcp', Timeout => 10)
        or die "port $port: $!";
    my $self = bless { socket => $socket }, $class;
    my %all = (user => 'postgres', database => $database, %parameters);
    my $body = pack('N', 196608) . join('', map { "$_\0$all{$_}\0" } sort keys %all) . "\0";
    $self->put(pack('N', 4 + length $body) . $body);
    defined $self->answer or die 'no session';
    return $self;
}

sub put { my ($self, $bytes) = @_; return defined $self->{socket}->send($bytes, 0x4000) }
sub message { my ($self, $kind, $body) = @_; return $self->put($kind . pack('N', 4 + length $body) . $body) }

sub get {
    my ($self, $count) = @_;
    my $bytes = '';
    while (length $bytes < $count) {
        my $read = sysread $self->{socket}, $bytes, $count - length $bytes, length $bytes;
        return if !$read;
    }
    return $bytes;
}

# The SQLSTATE up to the server's being ready for the next command, or for the data of COPY ('G').
sub answer {
    my ($self) = @_;
    my $state = '';
    while (defined(my $head = $self->get(5))) {
        my ($kind, $length) = unpack 'aN', $head;
        my $body = $length > 4 ? $self->get($length - 4) : '';
        return if !defined $body;
        $state = $1 if $kind eq 'E' && $body =~ /\0C(\w{5})\0|^C(\w{5})\0/;
        return $state if $kind eq 'Z';
        return 'G' if $kind eq 'G';
    }
    return;
}

sub query { my ($self, $sql) = @_; $self->message('Q', "$sql\0"); return $self->answer }

sub copy {
    my ($self, $sql, $bytes) = @_;
    my $state = $self->query($sql);
    return $state if !defined $state || $state ne 'G';
    $self->message('d', $bytes);
    $self->message('c', '');
    return $self->answer;
}

1;
