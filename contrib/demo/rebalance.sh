# SPDX-License-Identifier: PostgreSQL
# The demo's last scene: clients write all the time, a worker joins, shards move there, nobody notices.

writers=

# What pgbench can't do is to choose from a table, so it gets a script for each of some packages.
start_writers() {
  local names=$scene/names name number=0
  "${connect[@]}" -p "$port" -XAtqc 'SELECT package FROM downloads ORDER BY hashtext(package) LIMIT 100' > "$names"
  local scripts=()
  while read -r name; do
    number=$((number + 1))
    echo "UPDATE downloads SET times = times + 1, last = now() WHERE package = '${name//\'/\'\'}';" > "$scene/write$number.sql"
    scripts+=(-f "$scene/write$number.sql")
  done < "$names"
  (cd "$scene" && exec "$(dirname "$psql")/pgbench" -n -h 127.0.0.1 -p "$port" -U postgres -c 8 -j 2 -R "$1" -T 600 \
    --log --log-prefix=writes --failures-detailed "${scripts[@]}" altius) > "$scene/pgbench.log" 2>&1 &
  writers=$!
}

stop_writers() {
  [ -n "$writers" ] || return 0
  kill "$writers" 2> /dev/null || true  # a shell's background programs ignore SIGINT
  wait "$writers" 2> /dev/null || true
  writers=
}

# Columns of pgbench's log: client, number, microseconds since it was due, script, second, microsecond, delay of the start.
# The last line may not have been written to its end.
count_writes() {
  local made lost
  cat "$scene"/writes.* | awk 'NF == 7 { print ($3 - $7) / 1000 }' | sort -n > "$scene/latencies"
  made=$(wc -l < "$scene/latencies")
  failed=$(grep -ciE 'error|aborted' "$scene/pgbench.log" || true)
  lost=$("${connect[@]}" -p "$port" -XAtqc "SELECT greatest(0, $made - sum(times)) FROM downloads")
  say "$(awk -v made="$made" -v failed="$failed" -v lost="$lost" '{ ms[NR] = $1 }
    END { printf "%d writes meanwhile, %d failed, %d lost; half of them took %.1f ms, 99 %% at most %.0f ms, the longest %.0f ms",
      made, failed, lost, ms[int((NR + 1) / 2)], ms[int(NR * 0.99)], ms[NR] }' "$scene/latencies")"
  [ "$failed" = 0 ] && [ "$lost" = 0 ] && [ "$made" -gt 0 ] || failures=$((failures + 1))
}

rebalance_scene() {
  scene=$(mktemp -d)
  trap 'stop_writers; rm -rf "$scene"' EXIT
  show "$here/sql/80_downloads.sql"
  printf '\n%s%s%s\n' "$bold" "Eight clients write, 100 statements a second, until the end of this scene." "$plain"
  start_writers 100
  printf '\n%s%s%s\n' "$bold" "A new server joins." "$plain"
  "${tool[@]}" add-worker --dir "$dir" --register | sed -u 's/^/    /'
  show "$here/sql/81_rebalance.sql"
  local watch=("$top/contrib/altius-top" -h 127.0.0.1 -p "$port" -U postgres -d altius --psql "$psql" --until-done)
  if [ -t 1 ]; then "${watch[@]}" --interval 0.3; else "${watch[@]}" | sed 's/^/    /'; fi
  sleep 2
  stop_writers
  count_writes
  show "$here/sql/82_moved.sql"
}
