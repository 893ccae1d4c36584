# Something else than the daemon at its socket, for mail servers that ask by the unix socket: mail waits, and no
# longer than the deadline of 5 seconds allows.

story daemon-bad "what answers at the socket is not the daemon, or is broken"

story_daemon-bad() {
    local sort since to=()
    stop_daemon
    for sort in garbage nothing closed half more too-long far-too-long flood other-domain other-version without-policy \
        not-found temporary other-user; do
        start_bad_daemon "$sort"
        expect_waiting "bad-$sort"
        to+=("bad-$sort@enforce.test")
        stop_bad_daemon
    done
    echo "no socket" >"$socket"
    expect_waiting bad-file
    rm "$socket"
    mkdir "$socket"
    expect_waiting bad-directory
    rmdir "$socket"
    to+=(bad-file@enforce.test bad-directory@enforce.test)
    check bad-escaped 0 "$(mta_log_of bad-temporary@enforce.test | grep -c '[^[:print:]]')"

    # To say that mail has to wait is an answer.
    fail_open yes
    start_bad_daemon temporary
    expect_waiting open-temporary
    stop_bad_daemon
    start_bad_daemon garbage
    exchange open-garbage none.test "delivered mx.none.test" unasked
    stop_bad_daemon
    fail_open no
    to+=(open-temporary@enforce.test)

    start_daemon sqlite
    since=$(now)
    flush "$since" "${to[@]}"
    judge_delivery "$since" bad-no-more "${to[0]}" "verified mx.enforce.test"
}

start_bad_daemon() {
    rm -rf "$socket"
    python3 "$lib/bad_daemon.py" "$socket" "$1" >>"$work/bad_daemon.log" 2>&1 &
    bad_daemon=$!
    within 10 test -S "$socket" || die "the bad daemon does not start" "$work/bad_daemon.log"
    # It listens a moment after the socket is there.
    sleep 0.2
}

stop_bad_daemon() {
    kill "$bad_daemon"
    wait "$bad_daemon" 2>/dev/null || true
    rm -rf "$socket"
}

# expect_waiting NAME: a message that is deferred in time.
expect_waiting() {
    local since
    since=$(now)
    send "$1" "$1@enforce.test"
    within 9 all_settled "$since" "$1@enforce.test" || true
    judge_delivery "$since" "$1" "$1@enforce.test" "deferred" unasked
}
