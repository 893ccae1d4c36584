# Rows: what is sent, what is expected of it, and what came of it.

# Of each row and story, by name: what it is about. Of rows also: recipient's domain ("MAP:DOMAIN"
# for another than the usual map), and what is expected.
declare -A what=() domain=() expected=() is_known=()
# The domain that the daemon is asked for, where it is another.
declare -A asks=()
order=()

# row NAME DOMAIN "STATUS DSN TLS ARRIVAL" WHAT: one message and its fate.
#   TLS       the first word of Postfix's line on the connection, or -
#   ARRIVAL   the MX host that accepted it, with ",tls" if it came by TLS and ",sni" if that named
#             the host; or -
row() {
    order+=("$1")
    domain[$1]=$2 expected[$1]=$3 what[$1]=$4
}

# known NAME ...: as row; what is expected falls short of the RFC, by this Postfix's limits.
known() {
    row "$@"
    is_known[$1]=yes
}

# story NAME WHAT: the function story_NAME does it, and calls `check` for each line of the table.
story() {
    order+=("$1")
    what[$1]=$2
}

list_rows() {
    local name
    for name in "${order[@]}"; do printf '%-16s %s\n' "$name" "${what[$name]}"; done
}

results=() failures=0

# check NAME EXPECTED GOT [RECIPIENT]: a line of the table. If they differ, what the logs say of the
# recipient is shown.
check() {
    local name=$1 expected=$2 got=$3 recipient=${4:-} result=ok
    [ -z "${is_known[$name]:-}" ] || result=known
    if [ "$expected" != "$got" ]; then
        result=FAILED
        failures=$((failures + 1))
        printf '%s FAILED\n  expected: %s\n  got:      %s\n' "$name" "$expected" "$got"
        [ -z "$recipient" ] || show_logs "$recipient"
    fi
    results+=("$name|$expected|$got|$result")
}

print_table() {
    local line name expected got result
    printf '\n%-7s %-22s %-54s %s\n' result row expected got
    for line in "${results[@]}"; do
        IFS='|' read -r name expected got result <<<"$line"
        [ "$got" != "$expected" ] || got='as expected'
        [ ${#expected} -le 54 ] || expected=${expected:0:51}...
        printf '%-7s %-22s %-54s %s\n' "$result" "$name" "$expected" "$got"
    done
    printf '\n%d of %d as expected\n' $((${#results[@]} - failures)) ${#results[@]}
}
