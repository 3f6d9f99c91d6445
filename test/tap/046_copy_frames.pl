# SPDX-License-Identifier: PostgreSQL
#
# Frames of rows that are none: each is an error, and the session goes on.
use strict;
use warnings;
use FindBin ();
use lib "$FindBin::Bin/lib";
use Test::More;
use Altius::Cluster;
use Altius::Wire;

my $cluster = Altius::Cluster->new('copy_frames', workers => 1);
$cluster->query('coordinator', q{CREATE TABLE t (key int, v text); CREATE TABLE c (key int);
    SET citus.shard_count TO 4; SELECT create_distributed_table('t', 'key'); SELECT create_distributed_table('c', 'key')});
my $shard = $cluster->query('worker1', q{SELECT s.shardid FROM pg_dist_shard s JOIN pg_dist_placement p USING (shardid)
    JOIN pg_dist_local_group g USING (groupid) WHERE logicalrelid = 't'::regclass ORDER BY 1 LIMIT 1});

# As a node names itself, where that is all there is to it.
my $wire = Altius::Wire->new($cluster->port('worker1'), 'altius', application_name => 'altius_internal gpid=10000000001');
sub record { my ($line, $length) = @_; return pack('NN', 1, ($length // length $line) & 0xffffffff) . $line }
sub frame { my ($id, $records, $length) = @_; return pack('q>N', $id, ($length // length $records) & 0xffffffff) . $records }

my $copy = q{COPY t FROM STDIN (altius_frames 'ISO, MDY|postgres|UTC', encoding 'UTF8'%s)};
my $good = sprintf $copy, '';
is($wire->copy($good, frame($shard, record("1\tone"))), '', 'a good frame is taken');
for my $length (-1, -8, -2147483648, 2147483647, 7) {
    is($wire->copy($good, frame($shard, record("1\tone", $length))), '22P04', "a record of length $length");
    is($wire->copy($good, frame($shard, record("1\tone"), $length)), '22P04', "a frame of length $length") if $length != 2147483647;
}
is($wire->copy($good, frame($shard, record("1\tone"), 2147483647)), '22P04', 'a frame of two gigabytes');
is($wire->copy($good, frame($shard, 'short')), '22P04', 'a frame that is shorter than the head of a record');
is($wire->copy($good, 'x'), '22P04', 'a stream that is shorter than the head of a frame');
is($wire->copy($good, frame(-1, '')), '42704', 'a shard that is none');
is($wire->copy($good, frame($shard, record("\0\0\0"))), '22021', 'a line that is no text');
for my $option (q{, format 'binary'}, q{, format 'text'}, q{, header}, q{, freeze}, q{, force_quote *}, q{, nosuch 1}) {
    is($wire->copy(sprintf($copy, $option), frame($shard, record("1\tone"))), '42601', "option$option");
}
is($wire->copy(q{COPY t FROM STDIN (altius_frames, altius_frames)}, ''), '42601', 'without settings');
is($wire->copy(q{COPY t FROM '/dev/null' (altius_frames '')}, ''), '0A000', 'from a file');
like($wire->copy(sprintf($copy, q{, delimiter 'long'}), frame($shard, record("1\tone"))), qr/^(?!XX)\w{5}$/, 'a delimiter that is none');
like($wire->copy(q{COPY t FROM STDIN (altius_frames 'rubbish|||||||')}, frame($shard, record("1\tone"))), qr/^(?!XX)\w{5}$/, 'settings that are none');
is($wire->query('SELECT 1'), '', 'the session lives');
is($cluster->query('coordinator', 'SELECT count(*) FROM t'), '1', 'and nothing else was written');

# Other metadata that changes between two frames.  The session learns of it when it writes the second, which is so large
# that it is written at once.
is($wire->query($good), 'G', 'frames begin');
$wire->message('d', frame($shard, record("1\tfirst")));
$cluster->query('coordinator', q{CREATE TABLE other (key int); SELECT create_distributed_table('other', 'key')});
$wire->message('d', frame($shard, record("1\t" . 'x' x (600 * 1024))));
$wire->message('d', frame($shard, record("1\tlast")));
$wire->message('c', '');
is($wire->answer, '', 'frames go on after metadata of another table has changed');
is($cluster->query('coordinator', 'SELECT count(*) FROM t'), '4', 'their rows are there');

done_testing();
