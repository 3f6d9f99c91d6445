# SPDX-License-Identifier: PostgreSQL
# The demo's second act: groups of servers led by Patroni.  A worker joins, a leader is changed, another one is killed, and
# clients write all the time.

ttl=10 clients=8
writers_pid=

tell() { printf '\n%s%s%s\n' "$bold" "$1" "$plain"; }
command_line() { printf '%s    %s%s\n' "$dim" "$1" "$plain"; }

start_clients() {
  "$here/writers" "$port" $clients > "$scene/clients.log" 2>&1 &
  writers_pid=$!
  sleep 2
}

# stop_clients EXPECTED-ERRORS: "none", or "some" where a server died under what it was just doing.
stop_clients() {
  [ -n "$writers_pid" ] || return 0
  local status=0
  kill -INT "$writers_pid" 2> /dev/null || true
  wait "$writers_pid" || status=$?
  writers_pid=
  sed "1s/.*/    $bold&$plain/; 2,\$s/^/    /" "$scene/clients.log"
  [ $status -eq 0 ] || [ "$1" = some ] || failures=$((failures + 1))
}

leader_of() { "${connect[@]}" -p "$port" -XAtqc "SELECT leader || ' ' || timeline FROM altius_ha_status WHERE groupid = $1 AND state = 'known'"; }

# wait_for_leader GROUP BEFORE: until the coordinator uses another one than before
wait_for_leader() {
  local deadline=$((SECONDS + 90)) now
  until now=$(leader_of "$1") && [ -n "$now" ] && [ "$now" != "$2" ]; do
    [ $SECONDS -lt $deadline ] || { failures=$((failures + 1)); return; }
    sleep 0.2
  done
  say "group $1: ${2% *} led on timeline ${2#* }, now ${now% *} on timeline ${now#* }"
}

joining() {
  step "A worker joins, in four steps"
  start_clients
  tell "1. Patroni is started on new servers."
  command_line "altius-cluster add-group"
  "${tool[@]}" add-group --dir "$dir" | sed -u 's/^/    /'
  show "$here/sql/92_appeared.sql"
  show "$here/sql/93_rebalance.sql"
  show "$here/sql/94_progress.sql"
  local watch=("$top/contrib/altius-top" -h 127.0.0.1 -p "$port" -U postgres -d altius --psql "$psql" --until-done)
  if [ -t 1 ]; then "${watch[@]}" --interval 0.3; else "${watch[@]}" | sed 's/^/    /'; fi
  show "$here/sql/95_moved.sql"
  tell "The $clients clients, meanwhile:"
  stop_clients none
}

switching() {
  step "A planned switchover"
  local before
  before=$(leader_of 1)
  start_clients
  tell "The primary of worker 1 is to go into maintenance; $clients clients go on."
  command_line "altius-cluster switchover worker1"
  "${tool[@]}" switchover --dir "$dir" worker1 | sed -u 's/^/    /'
  wait_for_leader 1 "$before"
  sleep 2
  stop_clients none
}

crashing() {
  step "kill -9"
  local before
  before=$(leader_of 2)
  start_clients
  tell "The primary of worker 2 dies with its Patroni.  Its lease in etcd is $ttl s: until then nobody may replace it."
  command_line "altius-cluster kill-primary worker2"
  "${tool[@]}" kill-primary --dir "$dir" worker2 | sed -u 's/^/    /'
  wait_for_leader 2 "$before"
  sleep 2
  stop_clients some
  say "reads and writes waited for the new primary; only a write that was at the dead server at that moment may fail"
  "${tool[@]}" start --dir "$dir" "${before% *}" > /dev/null
}

failover_act() {
  scene=$(mktemp -d)
  trap 'stop_clients some > /dev/null; rm -rf "$scene"' EXIT
  step "etcd, Patroni, six servers"
  tool=("$top/contrib/cluster/altius-cluster")
  "${tool[@]}" down --dir "$dir" > /dev/null
  "${tool[@]}" up --patroni --layout scopes --ttl $ttl --dir "$dir" --port "$port" --set fsync=off | sed -u 's/^/    /'
  psql=$(find "$dir/server" -path '*/bin/psql')
  connect=("$psql" -h 127.0.0.1 -U postgres -d altius)
  port=$("${tool[@]}" status --dir "$dir" | sed -nE 's/^coordinator-.*:([0-9]+) +primary .*/\1/p')
  show "$here/sql/90_accounts.sql"
  show "$here/sql/91_status.sql"
  joining
  switching
  crashing
  show "$here/sql/91_status.sql"
  show "$here/sql/96_afterwards.sql"
}
