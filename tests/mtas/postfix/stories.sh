# What happens to the daemon and its store while there is mail.

story restart "the daemon is restarted between two messages to a domain"
story down "the daemon is down: mail waits, and goes out once it is back"
story redis-down "Redis dies: what is known is enforced, the rest is learnt again or waits"
story disk-full "the disk under the daemon's state is full: mail goes on"

to_enforce="sent 2.0.0 Verified mx.enforce.test,tls,sni"
to_plain="sent 2.0.0 Trusted mx.no-record.test,tls"
cannot_ask="deferred 4.7.5 - -"

story_restart() {
    local since
    since=$(now)
    deliver before-restart enforce.test "$to_enforce"
    # smtp(8) keeps its connection to the daemon for some seconds; this one it finds closed.
    check connection-kept yes "$(kept_connection)"
    stop_daemon
    start_daemon sqlite
    deliver after-restart enforce.test "$to_enforce"
    deliver plain-after-restart no-record.test "$to_plain"
    check_quiet "$since"
}

# Postfix has a connection to the daemon.
kept_connection() {
    [ -n "$(ss -Htn state established 'dport = :8461')" ] && echo yes || echo no
}

story_down() {
    local since names=(enforce-while-down plain-while-down)
    stop_daemon
    since=$(now)
    send "${names[0]}" "${names[0]}@enforce.test"
    send "${names[1]}" "${names[1]}@no-record.test"
    settled "$since" "${names[0]}@enforce.test" "${names[1]}@no-record.test"
    judge_unasked "$since" "${names[0]}" enforce.test "$cannot_ask"
    judge_unasked "$since" "${names[1]}" no-record.test "$cannot_ask"

    start_daemon sqlite
    since=$(now)
    flush "$since" "${names[0]}@enforce.test" "${names[1]}@no-record.test"
    judge "$since" "${names[0]}" enforce.test "$to_enforce"
    judge "$since" "${names[1]}" no-record.test "$to_plain"
}

story_redis-down() {
    local since name=unknown-without-redis domain=status-500.test
    start_redis
    stop_daemon
    start_daemon redis
    deliver redis-up enforce.test "$to_enforce"

    kill_redis
    deliver known-without-redis enforce.test "$to_enforce"
    deliver fetched-without-redis wildcard.test "sent 2.0.0 Verified mx.wildcard.test,tls,sni"
    deliver refused-without-redis mx-expired.test "deferred 4.7.5 Untrusted -"
    # DNS says that there is no policy.
    deliver plain-without-redis no-record.test "$to_plain"
    # There is one, but it cannot be fetched; Redis may hold it.
    deliver "$name" "$domain" "$cannot_ask"

    start_redis
    since=$(now)
    # The daemon looks after a broken store again in its own time, as Postfix does after its queue.
    within "$patience" flushed "$since" "$name@$domain" || true
    judge "$since" "$name" "$domain" "sent 2.0.0 Trusted mx.$domain,tls"
    stop_daemon
    start_daemon sqlite
}

# flushed SINCE RECIPIENT: it has gone out, with this try or an earlier one.
flushed() {
    flush "$1" "$2"
    [[ $(fate "$1" "$2") == sent* ]]
}

story_disk-full() {
    stop_daemon
    mkdir -p "$work/state"
    mount -t tmpfs -o size=2m tmpfs "$work/state"
    start_daemon sqlite
    deliver before-disk-full enforce.test "$to_enforce"
    dd if=/dev/zero of="$work/state/ballast" bs=4k status=none 2>/dev/null || true
    deliver known-with-disk-full enforce.test "$to_enforce"
    deliver fetched-with-disk-full wildcard.test "sent 2.0.0 Verified mx.wildcard.test,tls,sni"
    deliver refused-with-disk-full mx-self-signed.test "deferred 4.7.5 Untrusted -"
    deliver plain-with-disk-full no-record.test "$to_plain"
    stop_daemon
    umount "$work/state"
    start_daemon sqlite
    deliver after-disk-full enforce.test "$to_enforce"
}
