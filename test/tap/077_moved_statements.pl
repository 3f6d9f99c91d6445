# SPDX-License-Identifier: PostgreSQL
# Statements that wait for a shard's lock while it moves away find it gone: they run where it is now, whatever way their result
# comes back, and change what they would have changed.

use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep);
use Altius::Cluster;

my $cluster = Altius::Cluster->new('moved_statements', workers => 2, set => { 'citus.defer_shard_delete_interval' => '200ms' });

sub on_coordinator { return $cluster->query('coordinator', $_[0]) }

on_coordinator(q{
    CREATE TABLE t (k int, id int, note text);
    CREATE TABLE p (k int, id int, note text) PARTITION BY RANGE (id);
    CREATE TABLE p_low PARTITION OF p FOR VALUES FROM (0) TO (100);
    CREATE TABLE p_high PARTITION OF p FOR VALUES FROM (100) TO (1000000);
    SELECT create_distributed_table('t', 'k', shard_count => 1);
    SELECT create_distributed_table('p', 'k', colocate_with => 't');
});
my $rows = q{SELECT n % 10, n, 'note ' || n FROM generate_series(1, 200) n};
my $shard = on_coordinator(q{SELECT min(shardid) FROM pg_dist_shard WHERE logicalrelid = 't'::regclass});

# Each with the result that plain PostgreSQL gives, and what it leaves of the rows it is about.
my @statements = (
    ['DELETE FROM %s WHERE id = 11', '', 'id = 11', 0],
    ['DELETE FROM %s WHERE k = 1 AND id = 11 RETURNING id', '11', 'id = 11', 0],
    ['DELETE FROM %s WHERE id IN (12, 112) RETURNING id', "12\n112", 'id IN (12, 112)', 0],
    ['UPDATE %s SET note = $$new$$ WHERE k = 3 AND id = 13 RETURNING note', 'new', 'note = $$new$$', 1],
    ['UPDATE %s SET note = $$new$$ WHERE id IN (14, 114)', '', 'note = $$new$$', 2],
    ['INSERT INTO %s VALUES (5, 1000, $$new$$) RETURNING id', '1000', 'note = $$new$$', 1],
    ['INSERT INTO %s SELECT n % 3, 1000 + n, $$new$$ FROM generate_series(1, 5) n RETURNING 1', "1\n1\n1\n1\n1", 'note = $$new$$', 5],
    ['WITH d AS (DELETE FROM %s WHERE k = 6 AND id = 16 RETURNING id) SELECT count(*) FROM d', '1', 'id = 16', 0],
    ['WITH u AS (UPDATE %s SET note = $$new$$ WHERE id > 195 RETURNING id) SELECT count(*) FROM u', '5', 'note = $$new$$', 5],
    ['BEGIN; UPDATE %s SET note = $$new$$ WHERE k = 7 AND id = 17 RETURNING id; COMMIT', '17', 'note = $$new$$', 1],
    ['DELETE FROM %s WHERE k = (SELECT 8) AND id = 18 RETURNING id', '18', 'id = 18', 0],
);

sub move_shard {
    my ($mover, $mode) = @_;
    my $source = on_coordinator("SELECT nodeid FROM pg_dist_placement JOIN pg_dist_node USING (groupid) WHERE shardid = $shard");
    my $target = on_coordinator("SELECT nodeid FROM pg_dist_node WHERE groupid > 0 AND nodeid <> $source");
    $mover->send("SET altius.stop_point = 'move: before flip'; SET altius.move_pause_limit = '60s'; SELECT citus_move_shard_placement($shard, $source, $target, '$mode')");
    return;
}

# Whether a statement comes to wait for the shard's lock, on either worker.
sub is_blocked {
    my ($table) = @_;
    my $sql = "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND relation::regclass::text ~ '^${table}(_low|_high)?_[0-9]+\$'";
    for (1 .. 300) {
        return 1 if grep { $cluster->query($_, $sql) eq 't' } 'worker1', 'worker2';
        sleep 0.1;
    }
    return 0;
}

sub place_of { return on_coordinator("SELECT groupid FROM pg_dist_placement WHERE shardid = $shard") }

my $number = 0;
for my $table ('t', 'p') {
    for my $case (@statements) {
        my ($statement, $result, $condition, $count) = @$case;
        my $mode = $number % 2 ? 'force_logical' : 'block_writes';
        my $node = ('coordinator', 'worker1', 'worker2')[$number++ % 3];
        my $sql = sprintf $statement =~ s/n % 3/n %% 3/r, $table;
        on_coordinator("TRUNCATE $table; INSERT INTO $table $rows");
        my $mover = $cluster->session('coordinator');
        move_shard($mover, $mode);
        my $before = place_of();
        ok($cluster->wait_until('coordinator', q{SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name LIKE 'stopped: move: before flip%'}, 30),
            "$mode, $node: the move comes to its flip");
        my $writer = $cluster->session($node);
        $writer->send($sql);
        ok(is_blocked($table), "waits: $sql");
        on_coordinator('SELECT altius_internal.release_stop_points()');
        my ($moved, $error) = $mover->finish;
        is($error, '', 'moved');
        isnt(place_of(), $before, 'to another node');
        my ($got, $failed) = $writer->finish;
        $got = join "\n", sort { $a <=> $b } split /\n/, $got if $result =~ /\n/;
        is($got . $failed, $result, "$mode, $node: $sql");
        is(on_coordinator("SELECT count(*) FROM $table WHERE $condition"), $count, 'what it leaves');
        $_->close for $mover, $writer;
        ok($cluster->wait_until('coordinator', 'SELECT count(*) = 0 FROM pg_dist_cleanup', 20), 'cleaned up');
    }
}
done_testing();
