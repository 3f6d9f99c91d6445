# SPDX-License-Identifier: PostgreSQL
# Clients on all nodes write two reference tables, one with a primary key and one without, by every kind of statement, at random
# and often to the same rows.  Nothing fails but what PostgreSQL may ask to run again, and afterwards all copies are the same.
#
# ALTIUS_REFERENCE_SECONDS (8).

use strict;
use warnings;
use File::Basename qw(dirname);
use IPC::Run ();
use Test::More;
use Altius::Cluster;

my $seconds = $ENV{ALTIUS_REFERENCE_SECONDS} // 8;
my $cluster = Altius::Cluster->new('writers', workers => 2,
    set => { deadlock_timeout => '100ms', 'citus.recover_2pc_interval' => '1s', max_prepared_transactions => 200 });

$cluster->query('coordinator', q{
    CREATE TABLE keyed (x int PRIMARY KEY, v int, u text, changes int DEFAULT 0);
    CREATE TABLE bag (x int, v int, u text);
    CREATE TABLE d (k int, v int);
    SELECT create_reference_table('keyed'), create_reference_table('bag'), create_distributed_table('d', 'k');
    INSERT INTO keyed SELECT g, g FROM generate_series(1, 20) g;
    INSERT INTO bag SELECT g % 10, 0 FROM generate_series(1, 30) g;
    INSERT INTO d SELECT g, g FROM generate_series(1, 20) g;
    CREATE TABLE added (x int PRIMARY KEY, n bigint);
    SELECT create_reference_table('added');
    INSERT INTO added SELECT g, 0 FROM generate_series(1, 3) g;
});

# Increments are counted by each client: none may be lost.
my %scripts = (
    keyed => [
        'UPDATE keyed SET v = v + 1 WHERE x = :x;',
        'UPDATE keyed SET v = v + 10, changes = changes + 1 WHERE v % 2 = :x % 2 AND x < :y;',
        'DELETE FROM keyed WHERE x = :x;',
        'DELETE FROM keyed WHERE v > 500;',
        'INSERT INTO keyed (x, v) VALUES (:x, 0) ON CONFLICT (x) DO UPDATE SET v = keyed.v + 3;',
        'INSERT INTO keyed (x, v) VALUES (:x, 0), (:x + 8, 1) ON CONFLICT (x) DO UPDATE SET u = random()::text;',
        'INSERT INTO keyed (x, v) VALUES (:x, 0) ON CONFLICT DO NOTHING;',
        'UPDATE keyed SET u = gen_random_uuid()::text WHERE x BETWEEN :x AND :x + 3;',
        'UPDATE keyed SET v = d.v, u = clock_timestamp()::text FROM d WHERE d.k = keyed.x AND d.k % 3 = :x % 3;',
        'MERGE INTO keyed USING (SELECT :x AS x, random() AS r) s ON s.x = keyed.x WHEN MATCHED AND v % 2 = 0 THEN DELETE'
            . ' WHEN MATCHED THEN UPDATE SET u = s.r::text;',
        'BEGIN; SELECT v FROM keyed WHERE x = :x FOR UPDATE; UPDATE keyed SET v = v + 1 WHERE x = :x; COMMIT;',
        'BEGIN; UPDATE keyed SET v = v + 1 WHERE x = :x; UPDATE keyed SET v = v + 1 WHERE x = :y; COMMIT;',
    ],
    bag => [
        'INSERT INTO bag VALUES (:x, :y);',
        'INSERT INTO bag SELECT :x, random() * 5 FROM generate_series(1, 3);',
        'UPDATE bag SET v = v + 1 WHERE x = :x;',
        'UPDATE bag SET u = random()::text WHERE x = :x AND v % 2 = 0;',
        'DELETE FROM bag WHERE x = :x AND v > 3;',
        'DELETE FROM bag WHERE v > 20;',
        'UPDATE bag SET v = bag.v + d.v FROM d WHERE d.k = bag.x AND d.k = :x;',
    ],
);

sub write_script {
    my ($name, @statements) = @_;
    open my $file, '>', "$cluster->{dir}/$name.sql" or die $!;
    print $file "\\set x random(1, 12)\n\\set y random(1, 12)\n", map { s/; (?=\S)/;\n/gr . "\n" } @statements;
    close $file or die $!;
    return "$cluster->{dir}/$name.sql";
}

my @files;
for my $table (sort keys %scripts) {
    my $number = 0;
    push @files, write_script("$table" . ++$number, $_) for @{ $scripts{$table} };
}
my $increment = write_script('increment', 'UPDATE added SET n = n + 1 FROM d WHERE d.k = 5 AND added.x = :x % 3 + 1;');

my @running;
my $program = dirname($cluster->psql_program) . '/pgbench';
for my $node ($cluster->nodes) {
    for my $scripts (\@files, [$increment]) {
        my $out = '';
        my @command = ($program, '-n', '--max-tries=0', '-c', @$scripts > 1 ? 3 : 1, '-T', $seconds, (map { ('-f', $_) } @$scripts),
            $cluster->connection($node), 'altius');
        push @running, { node => $node, out => \$out, only => @$scripts == 1, run => IPC::Run::start(\@command, '<', \undef, '>&', \$out) };
    }
}
my $increments = 0;
for my $client (@running) {
    $client->{run}->finish;
    my ($done) = ${ $client->{out} } =~ /number of transactions actually processed: (\d+)/;
    cmp_ok($done // 0, '>', 0, "$client->{node}: statements ran") or diag(${ $client->{out} });
    unlike(${ $client->{out} }, qr/aborted|ERROR|differ/, "$client->{node}: none failed") or diag(${ $client->{out} });
    $increments += $done // 0 if $client->{only};
}
is($cluster->query('coordinator', q{SELECT table_name || ' ' || state || ' ' || count(*) FROM altius_check_reference_tables()
    GROUP BY table_name, state ORDER BY 1}),
    join("\n", map { ("$_ leading 1", "$_ same 2") } qw(added bag keyed)), 'all copies are the same');
is($cluster->query('worker2', 'SELECT sum(n) FROM added'), $increments, 'no increment is lost');
for my $node ($cluster->nodes) {
    ok($cluster->wait_until($node, 'SELECT count(*) = 0 FROM pg_prepared_xacts', 60), "$node: no prepared transaction is left");
    unlike($cluster->log_of($node), qr/was terminated by signal|PANIC:|TRAP:/, "$node never crashed");
}

done_testing();
