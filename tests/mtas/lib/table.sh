# Rows: what is sent, what is expected of it, and what came of it.

# Of each row and story, by name: what it is about. Of rows also: recipient's domain ("MAP:DOMAIN"
# for another than the usual map), and what is expected.
declare -A what=() domain=() expected=() is_known=()
# The domain that the daemon is asked for, where it is another.
declare -A asks=()
# Rows of deliveries, and where this mail server is known to differ from them, and why.
declare -A is_delivery=() differing=() causes=()
order=()

# row NAME DOMAIN "STATUS DSN TLS ARRIVAL" WHAT: one message and its fate.
#   TLS       the first word of Postfix's line on the connection, or -
#   ARRIVAL   the MX host that accepted it, with ",tls" if it came by TLS and ",sni" if that named
#             the host; or -
row() {
    order+=("$1")
    domain[$1]=$2 expected[$1]=$3 what[$1]=$4
}

# delivery NAME DOMAIN OUTCOME WHAT: as row, with an outcome that does not depend on the mail server:
#   verified HOST    accepted there, over TLS with a certificate that was checked
#   delivered HOST   accepted there, whatever the TLS
#   deferred         accepted nowhere, the message waits
delivery() {
    row "$@"
    is_delivery[$1]=yes
}

# differs NAME OUTCOME CAUSE: this mail server's outcome of a row of the matrix is another one, and why.
differs() {
    differing[$1]=$2 causes[$1]=$3
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
    for name; do printf '%-16s %s\n' "$name" "${what[$name]}"; done
}

results=() failures=0
# By line of the table: the mail server's own line of its log about it.
declare -A proofs=()

# check NAME EXPECTED GOT [RECIPIENT [PROOF]]: a line of the table. If they differ, what the logs say
# of the recipient is shown.
check() {
    local name=$1 expected=$2 got=$3 recipient=${4:-} result=ok
    proofs[$name]=${5:-}
    [ -z "${is_known[$name]:-}" ] || result=known
    if [ -n "${differing[$name]:-}" ] && [ "$got" = "${differing[$name]}" ]; then
        result=differs
    elif [ "$expected" != "$got" ] || [ -n "${differing[$name]:-}" ]; then
        result=FAILED
        failures=$((failures + 1))
        printf '%s FAILED\n  expected: %s\n  got:      %s\n' "$name" "$expected" "$got"
        [ -z "$recipient" ] || show_logs "$recipient"
    fi
    results+=("$name|$expected|$got|$result")
}

print_table() {
    local line name expected got result
    print_proofs
    printf '\n%-7s %-22s %-54s %s\n' result row expected got
    for line in "${results[@]}"; do
        IFS='|' read -r name expected got result <<<"$line"
        [ "$got" != "$expected" ] || got='as expected'
        [ ${#expected} -le 54 ] || expected=${expected:0:51}...
        printf '%-7s %-22s %-54s %s\n' "$result" "$name" "$expected" "$got"
        [ "$result" != differs ] || printf '%-7s   %s\n' '' "${causes[$name]}"
    done
    printf '\n%d of %d as expected\n' $((${#results[@]} - failures)) ${#results[@]}
}

print_proofs() {
    local line name
    ((${#results[@]})) || return 0
    printf '\nThe mail server wrote:\n'
    for line in "${results[@]}"; do
        name=${line%%|*}
        [ -z "${proofs[$name]}" ] || printf '%s\n%s\n' "$name" "$(sed 's/^/    /' <<<"${proofs[$name]}")"
    done
}

# write_results FILE: the table for programs: row, expected, got, result, cause, proof.
write_results() {
    local line name expected got result
    for line in "${results[@]}"; do
        IFS='|' read -r name expected got result <<<"$line"
        printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$name" "$expected" "$got" "$result" \
            "${causes[$name]:-}" "$(tr '\t\n' '  ' <<<"${proofs[$name]}")"
    done >"$1"
}
