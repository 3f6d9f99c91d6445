# SPDX-License-Identifier: PostgreSQL
# The suites of test/run, one function each.  They count through count_pass and count_fail, so that the closing line of
# the run is the sum of all.

cluster_tool=contrib/cluster/altius-cluster
cluster=no built=no

if [ -t 1 ]; then bold=$'\e[1m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'; else bold='' red='' green='' plain=''; fi

title() { printf '\n%s== %s%s\n' "$bold" "$1" "$plain"; }
note() { printf '%s-- %s%s\n' "$bold" "$1" "$plain"; }
count_pass() { passed=$((passed + 1)); printf '%sok%s      %s\n' "$green" "$plain" "$1"; }
count_fail() { failed=$((failed + 1)); printf '%sFAILED%s  %s\n' "$red" "$plain" "$1"; }
count_skip() { skipped=$((skipped + 1)); printf 'skipped %s\n' "$1"; }
# verdict NAME OUTPUT-FILE STATUS: counts one test and shows the output of a failed one.
verdict() {
  if [ "$3" -eq 0 ]; then count_pass "$1"; else count_fail "$1"; head -60 "$2" | sed 's/^/    /'; fi
}

build_extension() {
  title build
  local status=0
  PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=contrib/cluster python3 -m lib.build > build/build.log 2>&1 || status=$?
  verdict "the extension compiles" build/build.log $status
  [ $status -eq 0 ] || return
  built=yes
  find src -name '*.warnings' -size +0 -exec cat {} + > build/warnings.log
  verdict "without a warning" build/warnings.log "$([ -s build/warnings.log ] && echo 1 || echo 0)"
}

start_cluster() {
  [ $cluster = no ] || return 0
  $cluster_tool down --dir "$ALTIUS_TEST_DIR" > build/cluster.log 2>&1
  if ! $cluster_tool up --dir "$ALTIUS_TEST_DIR" --port "$ALTIUS_TEST_PORT" --db regression --set fsync=off \
    --set log_min_messages=warning >> build/cluster.log 2>&1; then
    count_fail "the cluster starts"
    sed 's/^/    /' build/cluster.log
    return 1
  fi
  cluster=yes
  export PGHOST=127.0.0.1 PGPORT=$ALTIUS_TEST_PORT PGDATABASE=regression PGUSER=postgres
  export COORDINATOR_PORT=$ALTIUS_TEST_PORT WORKER1_PORT=$((ALTIUS_TEST_PORT + 1)) WORKER2_PORT=$((ALTIUS_TEST_PORT + 2))
  pg_config=$(find "$ALTIUS_TEST_DIR/server" -name pg_config -type f | head -1)
  bindir=$("$pg_config" --bindir)
  testing=$("$pg_config" --pkglibdir)/pgxs/src/test
  "$bindir/psql" -X -q -v ON_ERROR_STOP=1 -f test/lib/fixture.sql >> build/cluster.log 2>&1 ||
    verdict "what the regression tests share is made" build/cluster.log 1
}

# No server may have crashed, whatever the tests said.
check_crashes() {
  [ $cluster = yes ] || return 0
  grep -hE 'was terminated by signal|PANIC:|TRAP:' "$ALTIUS_TEST_DIR"/*.log > build/crashes.log
  verdict "$1: no server crashed" build/crashes.log "$([ -s build/crashes.log ] && echo 1 || echo 0)"
}

stop_cluster() {
  [ $cluster = yes ] || return 0
  cluster=no
  mkdir -p build/logs
  cp "$ALTIUS_TEST_DIR"/*.log build/logs/
  if [ "${ALTIUS_TEST_KEEP:-}" = 1 ]; then
    note "the cluster goes on: $cluster_tool down --dir $ALTIUS_TEST_DIR stops it"
    return 0
  fi
  $cluster_tool down --dir "$ALTIUS_TEST_DIR" > /dev/null
}

suite_lint() {
  local lint status
  for lint in $(find test/lint -maxdepth 1 -type f -perm -u+x | sort); do
    status=0
    "$lint" > build/lint.log 2>&1 || status=$?
    verdict "lint: $(basename "$lint")" build/lint.log $status
  done
}

suite_unit() {
  local status=0
  { cmake -S . -B build/unit -DCMAKE_CXX_FLAGS=-Werror && cmake --build build/unit -j"$(nproc)"; } > build/unit.log 2>&1 ||
    status=$?
  verdict "the unit tests compile without a warning" build/unit.log $status
  [ $status -eq 0 ] || return
  build/unit/unit_tests > build/unit-run.log 2>&1
  status=$?
  local cases good
  cases=$(sed -nE 's/^All tests passed \(.* in ([0-9]+) test cases?\)$/\1/p; s/^test cases: +([0-9]+) .*/\1/p' build/unit-run.log)
  good=$(sed -nE 's/^All tests passed \(.* in ([0-9]+) test cases?\)$/\1/p; s/^test cases:.* ([0-9]+) passed.*/\1/p' \
    build/unit-run.log)
  if [ -z "$cases" ]; then
    verdict "the unit tests run to their end" build/unit-run.log 1
    return
  fi
  passed=$((passed + ${good:-0})) failed=$((failed + cases - ${good:-0}))
  [ $status -eq 0 ] || cat build/unit-run.log
  printf '%s of %s test cases passed\n' "${good:-0}" "$cases"
}

# Reads the results of pg_regress or isolation tester: "test x ... ok" up to PostgreSQL 15, "ok 1 - x" since 16.
count_regress() {
  local good bad
  good=$(grep -cE '(\.\.\. ok( |$))|^ok [0-9]+' "$1")
  bad=$(grep -cE '(\.\.\. FAILED)|^not ok [0-9]+' "$1")
  passed=$((passed + good)) failed=$((failed + bad))
  [ "$2" -eq 0 ] || [ "$bad" -gt 0 ] || count_fail "$3 ended with status $2"
}

# pg_regress_with PROGRAM NAME OUTPUT-DIRECTORY ARGUMENTS...
pg_regress_with() {
  local program=$1 name=$2 output=$3 status=0
  shift 3
  mkdir -p "$output/results"
  rm -f "$output/regression.diffs"
  "$program" --use-existing --dbname=regression --bindir="$bindir" --host=127.0.0.1 --port="$ALTIUS_TEST_PORT" \
    --user=postgres --outputdir="$output" --max-concurrent-tests=24 "$@" > "$output/run.log" 2>&1 || status=$?
  grep -E '^(test|ok|not ok|parallel|# parallel| )|could not|FATAL|ERROR' "$output/run.log"
  count_regress "$output/run.log" $status "$name"
  if [ -s "$output/regression.diffs" ]; then
    note "the first differences; all of them are in $output/regression.diffs"
    head -300 "$output/regression.diffs"
  fi
}

suite_regress() {
  start_cluster || return
  local tests=(--schedule=test/schedule)
  [ ${#names[@]} -eq 0 ] || tests=("${names[@]}")
  grep -qE '^test:' test/schedule || { note "no tests yet"; return; }
  pg_regress_with "$testing/regress/pg_regress" pg_regress build/regress --inputdir=. "${tests[@]}"
  check_crashes regress
}

suite_isolation() {
  local tests=("${names[@]}") spec
  if [ ${#tests[@]} -eq 0 ]; then
    for spec in test/isolation/specs/*.spec; do [ -f "$spec" ] && tests+=("$(basename "$spec" .spec)"); done
  fi
  [ ${#tests[@]} -gt 0 ] || { note "no specs yet"; return; }
  start_cluster || return
  pg_regress_with "$testing/isolation/pg_isolation_regress" pg_isolation_regress build/isolation \
    --inputdir=test/isolation "${tests[@]}"
  check_crashes isolation
}

suite_tap() {
  local file tests=() status
  for file in test/tap/*.pl; do
    [ -f "$file" ] || continue
    [ ${#names[@]} -eq 0 ] || [[ " ${names[*]} " == *" $(basename "$file" .pl) "* ]] || continue
    tests+=("$file")
  done
  [ ${#tests[@]} -gt 0 ] || { note "no tests yet"; return; }
  for file in "${tests[@]}"; do
    status=0
    prove -I test/tap/lib "$file" > build/tap.log 2>&1 || status=$?
    # A file that skips itself has shown nothing: it does not count as passed.
    if [ $status -eq 0 ] && grep -qF ' skipped: ' build/tap.log; then
      count_skip "$(basename "$file" .pl): $(sed -n 's/.* skipped: //p' build/tap.log)"
      continue
    fi
    verdict "$(basename "$file" .pl): $(grep -oE 'Tests=[0-9]+, +[0-9]+' build/tap.log | sed 's/Tests=//; s/, */ tests, /; s/$/ s/')" \
      build/tap.log $status
  done
}

# A TAP test in its full form, with what it says.  long_tap VARIABLE TEST
long_tap() {
  local status=0
  env "$1=long" prove -v -I test/tap/lib "test/tap/$2.pl" 2>&1 | tee build/tap-long.log | grep -E '^#|^not ok'
  status=${PIPESTATUS[0]}
  verdict "$2, full form: $(grep -oE 'Tests=[0-9]+, +[0-9]+' build/tap-long.log | sed 's/Tests=//; s/, */ tests, /; s/$/ s/')" \
    build/tap-long.log "$status"
}

suite_rebalance_long() {
  long_tap ALTIUS_REBALANCE 071_rebalance_load
  long_tap ALTIUS_REBALANCE 072_move_speed
  long_tap ALTIUS_REBALANCE 074_move_crash
  long_tap ALTIUS_MOVES 079_move_faults
  long_tap ALTIUS_MOVES 079_move_shapes
}

# The timed scenarios again and again, then all of them with outages of a minute.
suite_failover_long() {
  local layout status runs=${ALTIUS_FAILOVER_RUNS:-20}
  for layout in scopes citus; do
    status=0
    test/failover/run --layout $layout --runs "$runs" > build/failover-$layout.log 2> build/failover-$layout.errors || status=$?
    grep '^#' build/failover-$layout.log
    verdict "layout $layout, $runs times: $(tail -1 build/failover-$layout.log)" <(cat build/failover-$layout.{log,errors}) $status
    status=0
    test/failover/run --layout $layout --long > build/failover-$layout-once.log 2>&1 || status=$?
    verdict "layout $layout, each scenario with long outages" build/failover-$layout-once.log $status
  done
}

# A program on the cluster that counts for itself: its last such line is "N passed, M failed".  own_count NAME COMMAND...
own_count() {
  local name=$1 status=0 counts
  shift
  start_cluster || return
  "$@" 2>&1 | tee "build/$name.log"
  status=${PIPESTATUS[0]}
  counts=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "build/$name.log" | tail -1)
  if [ -z "$counts" ]; then
    count_fail "$name: ended with status $status and no count"
  else
    set -- $counts
    passed=$((passed + $1)) failed=$((failed + $3))
    [ "$status" -eq 0 ] || [ "$3" -gt 0 ] || count_fail "$name: ended with status $status"
  fi
  check_crashes "$name"
}

suite_differential() { own_count differential test/differential/run; }

suite_hostile() { own_count hostile test/hostile/run; }

suite_hostile_long() {
  own_count hostile-long test/hostile/run --calls "${ALTIUS_HOSTILE_CALLS:-20000}" --seed "${ALTIUS_HOSTILE_SEED:-$$}"
}
