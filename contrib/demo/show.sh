# SPDX-License-Identifier: PostgreSQL
# How the demo looks: headings, a statement with its explanation, its result and its time.

if [ -t 1 ]; then
  bold=$'\e[1m' dim=$'\e[2m' blue=$'\e[34m' red=$'\e[31m' plain=$'\e[0m'
else
  bold='' dim='' blue='' red='' plain=''
fi
failures=0

demo_dir() {
  if [ -n "${ALTIUS_DEMO_DIR:-}" ]; then
    echo "$ALTIUS_DEMO_DIR"
  elif [ "$(id -u)" -eq 0 ]; then
    echo "$(getent passwd postgres | cut -d: -f6)/altius-demo"
  else
    echo "${XDG_DATA_HOME:-$HOME/.local/share}/altius-demo"
  fi
}

banner() {
  printf '\n%sAltius%s: distributed tables inside PostgreSQL\n' "$bold" "$plain"
}

step() { printf '\n%s━━ %s %s%s\n' "$bold$blue" "$1" "$dim($((SECONDS - started)) s)" "$plain"; }
say() { printf '    %s%s%s\n' "$dim" "$1" "$plain"; }

# Of a plan's many scans of shards, the first two speak for all.
few_shards() {
  awk '
    /Scan .*on [a-z]+_[0-9]+ [a-z]+(_[0-9]+)?( |$)/ {
      seen++
      if (seen <= 2) print
      else { match($0, /[^ │]/); indent = substr($0, 1, RSTART - 1) }
      next
    }
    { if (seen > 2) print indent "... and " seen - 2 " more shards"; seen = 0; print }'
}

# The comments at a file's head: the first is its title, the rest explains; "@node" says which node is asked.
show() {
  local file=$1 at=$port status=0 output milliseconds
  printf '\n%s%s%s\n' "$bold" "$(sed -n '1s/^-- //p' "$file")" "$plain"
  sed -nE '2,${/^-- @/d; /^--/!q; s/^-- //p}' "$file"
  printf '%s' "$dim"
  grep -v '^-- ' "$file" | sed 's/^/    /'
  printf '%s' "$plain"
  grep -q '^-- @worker1' "$file" && at=$((port + 1))
  output=$("${connect[@]}" -p "$at" -X -q -v ON_ERROR_STOP=1 -P pager=off -P footer=off -P linestyle=unicode -P border=1 \
    -c '\timing on' -f "$file" 2>&1) || status=$?
  milliseconds=$(sed -nE 's/^Time: ([0-9.]+) ms.*/\1/p' <<< "$output" | awk '{ sum += $1 } END { printf "%.0f", sum }')
  output=$(sed -E "/^Time: [0-9.]+ ms/d; s/^psql:[^ ]*: //" <<< "$output")
  case $file in */[12]*) [ $status -ne 0 ] || output= ;; esac
  [ -z "$output" ] || printf '%s\n' "$output" | few_shards | sed 's/^/    /'
  if [ $status -ne 0 ]; then
    failures=$((failures + 1))
    printf '    %sthis failed%s\n' "$red" "$plain"
  fi
  printf '    %s%s ms%s\n' "$dim" "$milliseconds" "$plain"
}

finish() {
  step "Now you"
  printf 'The cluster is running; any node takes your statements:\n\n'
  "${tool[@]}" up --dir "$dir" | sed 's/^/    /'
  printf '\nTry \\d, EXPLAIN, SELECT * FROM citus_shards.  %s removes everything.\n' "contrib/demo/run --down"
  if [ $failures -gt 0 ]; then
    printf '%s%d statements failed.%s\n' "$red" $failures "$plain"
    exit 1
  fi
}
