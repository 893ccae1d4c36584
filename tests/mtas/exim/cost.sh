# What MTA-STS costs a delivery. An edition says by exim_conf_without how Exim is configured without it.

story question "the daemon is asked once, in one round trip, for a delivery"
story cost "the time of a delivery with MTA-STS, and without"

pairs=${PAIRS:-200}

story_question() {
    local to=question@enforce.test
    printf 'Hello.\n' | strace -f -o "$work/strace" -e trace=connect,sendto,recvfrom \
        "$(exim_binary)" -odi -oi -f question@client.test -- "$to"
    check connections 1 "$(grep -cF "connect(" <(grep -F "$socket" "$work/strace"))"
    check questions 1 "$(grep -cE 'sendto\([0-9]+, "[0-9]+:policy enforce.test,"' "$work/strace")"
}

# Both kinds by turns, so that what else the machine does meets both.
story_cost() {
    local turn kind since
    since=$(now)
    exim_conf >"$work/with.conf"
    exim_conf_without >"$work/without.conf"
    : >"$work/times"
    for ((turn = 0; turn < pairs; turn++)); do
        for kind in with without; do
            cp "$work/$kind.conf" /etc/exim4/exim4.conf
            echo "$kind $(milliseconds_of deliver_now "cost-$kind-$turn@enforce.test")" >>"$work/times"
        done
    done
    configure_mta
    printf 'a delivery: %s ms with MTA-STS, %s ms without (medians of %d pairs)\n' \
        "$(median with)" "$(median without)" "$pairs"
    check cost-asked "$pairs" "$(daemon_log "$since" | grep -c ' domain=enforce.test ')"
    # The lab writes what it accepted a moment later.
    within 5 eval '[ "$(cost_delivered)" -eq $((2 * pairs)) ]' || true
    check cost-delivered $((2 * pairs)) "$(cost_delivered)"
}

cost_delivered() { grep -cE 'to":\["cost-(with|without)-' "$work/mails.jsonl"; }

deliver_now() { printf 'Hello.\n' | exim -odi -oi -f cost@client.test -- "$1"; }

milliseconds_of() {
    local begun=$EPOCHREALTIME ended
    "$@"
    ended=$EPOCHREALTIME
    awk -v a="$begun" -v b="$ended" 'BEGIN { printf "%.1f", (b - a) * 1000 }'
}

# median KIND
median() { awk -v kind="$1" '$1 == kind { print $2 }' "$work/times" | sort -n | sed -n "$(((pairs + 1) / 2))p"; }
