# What OpenSMTPD does besides the matrix, with its own settings.

. "$here/bad_daemon.sh"

differs dane "deferred" "OpenSMTPD has no DANE: MTA-STS alone decides"
differs dane-wrong "verified mx.dane-wrong.test" "OpenSMTPD has no DANE: MTA-STS alone decides"

delivery largest largest.test "verified mx.largest.test" \
    "a policy of 64 KiB, more than fits into a message between processes"

delivery implicit-mx implicit-mx.test "verified implicit-mx.test" \
    "a domain without an MX record is its own MX host"
delivery upper-case ENFORCE.TEST "verified mx.enforce.test" \
    "a domain in capitals"
asks[upper-case]=enforce.test

story literal "an address literal has no policy"
story said "what the log says of each policy"
story actions "with mta-sts and without, at once to the same MX host; with tls"
story routes "a refusal disables no route"
story kept "a connection is used again, and the daemon asked again"
story round-trip "one round trip to the daemon for a lookup, by strace"
story memory "no memory is lost, and none misused, under valgrind"
story peer "a daemon that runs as a user who is trusted"
story busy "the daemon hangs: all mail waits, none too long, and other questions are answered meanwhile"
story config "configurations that are refused"

story_said() {
    says_policy enforced enforce.test 'mta-sts=enforce domain=enforce.test host=mx.enforce.test result=verified'
    says_policy refused-name mx-wrong-name.test \
        'mta-sts=enforce domain=mx-wrong-name.test host=mx.mx-wrong-name.test result=refused reason="no verified TLS"'
    says_policy tested testing-cert.test \
        'mta-sts=testing domain=testing-cert.test host=mx.testing-cert.test result=would-be-refused reason="self-signed certificate"'
    says_policy tested-mx testing.test \
        'mta-sts=testing domain=testing.test host=mx.testing.test result=would-be-refused reason="MX host not in the policy"'
    says_policy no-policy-said no-record.test 'mta-sts domain=no-record.test mode=none reason=no-record'
    says_policy unavailable-said enforce.test \
        "mta-sts domain=enforce.test mode=unavailable reason=\"$work/absent.sock: no such file: is mta-sts serve running?\"" absent
}

# says_policy NAME DOMAIN TEXT [ACTION]: the last there is of a message to it.
says_policy() {
    local since got
    since=$(now)
    by_action "${4:-out}" send "$1" "$1@$2"
    settled "$since" "$1@$2"
    got=$(proof_of "$since" "$1@$2" | grep -o 'mta-sts[a-z=]* domain=.*' | tail -n 1)
    check "$1" "$3" "$got" "$1@$2"
}

story_literal() {
    local since recipient='literal@[127.77.0.1]'
    since=$(now)
    send literal "$recipient"
    settled "$since" "$recipient"
    check literal "mode=none reason=no-domain" "$(smtpd_log "$since" | grep -o 'mode=.* reason=.*' | head -n 1)" "$recipient"
}

story_actions() {
    local since domain=mx-wrong-name.test
    since=$(now)
    send with "with@$domain"
    by_action plain send without "without@$domain"
    send with-too "with-too@$domain"
    settled "$since" "with@$domain" "without@$domain" "with-too@$domain"
    judge_delivery "$since" with "with@$domain" deferred unasked
    judge_delivery "$since" without "without@$domain" "delivered mx.$domain" unasked
    judge_delivery "$since" with-too "with-too@$domain" deferred unasked

    # relay tls no-verify mta-sts
    by_action loose exchange loose-plain shared-bad-mx-plain.test "delivered mx.shared-bad-mx.test"
    by_action loose exchange loose-refused shared-bad-mx.test deferred
    by_action loose exchange loose enforce.test "verified mx.enforce.test"
    # relay tls mta-sts
    by_action strict exchange strict enforce.test "verified mx.enforce.test"
}

# by_action ACTION COMMAND...: mail that is sent goes by another action of smtpd.conf.
by_action() {
    local sender_domain=$1.client.test
    shift
    "$@"
}

story_routes() {
    local since routes
    since=$(now)
    exchange refused-cert shared-bad-mx.test deferred
    exchange refused-tls no-starttls.test deferred
    exchange refused-mx shared-mx-refused.test deferred
    routes=$(smtpd_log "$since" | grep -c 'Disabling route') || true
    check disabled-routes 0 "$routes"
}

story_kept() {
    local since sessions questions
    since=$(now)
    exchange kept-1 enforce.test "verified mx.enforce.test"
    exchange kept-2 enforce.test "verified mx.enforce.test"
    sessions=$(smtpd_log "$since" | grep -E ' mta delivery .* to=<kept-' | cut -d ' ' -f 1 | sort -u | wc -l)
    questions=$(daemon_log "$since" | grep -c ' domain=enforce.test ')
    check kept "1 connection, 2 questions" "$sessions connection, $questions questions"
}

# within_deadline NAME BEGUN: five seconds for the daemon, and some for the rest.
within_deadline() {
    local took=$((SECONDS - $2))
    check "$1" "within 9 s" "$([ "$took" -le 9 ] && echo "within 9 s" || echo "$took s")"
}

story_peer() {
    stop_daemon
    start_bad_daemon other-user
    # It says that there is no policy.
    by_action trusted exchange trusted enforce.test "delivered mx.enforce.test" unasked
    stop_bad_daemon
    start_daemon sqlite
}

# With more questions than smtpd has connections for.
story_busy() {
    local since begun quick domain recipients=()
    for domain in $(sed -n 's/^\([a-z0-9-]*\.test\) .*/\1/p' "$work/lab.log"); do recipients+=("busy@$domain"); done
    check recipients "more than 64" "$([ ${#recipients[@]} -gt 64 ] && echo "more than 64" || echo ${#recipients[@]})"
    kill -STOP "$daemon"
    since=$(now) begun=$SECONDS
    send busy "${recipients[@]}"
    quick=$(date +%s%N)
    by_action plain send quick quick@no-record.test
    within 20 all_settled "$since" quick@no-record.test || true
    quick=$((($(date +%s%N) - quick) / 1000000))
    judge_delivery "$since" quick quick@no-record.test "delivered mx.no-record.test" unasked
    check quick-time "within 3 s" "$([ "$quick" -le 3000 ] && echo "within 3 s" || echo "$quick ms")"
    within 20 all_settled "$since" "${recipients[@]}" || true
    judge_delivery "$since" slow-busy busy@enforce.test deferred unasked
    within_deadline busy-time "$begun"
    check busy-arrived 0 "$(grep -c '"to":\["busy@' "$work/mails.jsonl")"
    kill -CONT "$daemon"
}

story_config() {
    refuses with-host 'relay host smtp://mx.test mta-sts' 'mta-sts and host are mutually exclusive'
    refuses relative-path 'relay mta-sts socket "mta-sts.sock"' 'no absolute path'
    refuses no-user 'relay mta-sts user nobody-of-that-name' 'does not exist'
    refuses twice 'relay mta-sts mta-sts' 'already specified'
}

# refuses NAME ACTION TEXT
refuses() {
    local said
    printf 'action "out" %s\nmatch from any for any action "out"\n' "$2" >"$work/bad.conf"
    said=$(smtpd -n -f "$work/bad.conf" 2>&1) && said="accepted" || true
    check "$1" "refused" "$(grep -F "$3" <<<"$said" >/dev/null && echo refused || echo "$said" | head -n 1)"
}

# lookup_process: its number.
lookup_process() { pgrep -f '^smtpd: lookup'; }

story_round-trip() {
    local connection calls
    # The connection is there then.
    exchange before-trace enforce.test "verified mx.enforce.test"
    strace -qq -e trace=all -yy -s 60 -p "$(lookup_process)" -o "$work/strace" 2>"$work/strace.log" &
    local strace=$!
    within 5 test -s "$work/strace" || sleep 1
    exchange traced split-strings.test "verified mx.split-strings.test"
    kill "$strace"
    wait "$strace" 2>/dev/null || true
    connection=$(sed -n 's/^[a-z]*(\([^,]*\), "[0-9]*:policy split-strings.test,.*/\1/p' "$work/strace")
    calls=$(grep -F "(${connection:-none}" "$work/strace" | grep -v '^epoll') || true
    sed 's/^/    /' <<<"$calls"
    check round-trip "sendto recvfrom" "$(sed 's/(.*//' <<<"$calls" | xargs)"
}

# Those that have code of ours. With more of them smtpd would not wait for itself to start.
story_memory() {
    local domain=no-record.test
    # Else it would be tried again meanwhile.
    smtpctl remove all >/dev/null
    stop_smtpd
    smtpd_under="valgrind -q --trace-children=yes --trace-children-skip-by-arg=ca,control,queue,scheduler"
    smtpd_under+=" --leak-check=full --log-file=$work/valgrind.%p"
    start_smtpd
    exchange valgrind enforce.test "verified mx.enforce.test"
    exchange valgrind-again enforce.test "verified mx.enforce.test"
    exchange valgrind-refused mx-wrong-name.test "deferred"
    by_action absent exchange valgrind-absent enforce.test "deferred" unasked
    exchange valgrind-plain "$domain" "delivered mx.$domain"
    more_config="[overrides.\"$domain\"]
mode = \"enforce\"
mx = [\"other.$domain\"]"
    reload_daemon
    exchange valgrind-changed "$domain" "deferred"
    more_config=
    reload_daemon
    stop_smtpd
    smtpd_under=
    check processes "3 or more" "$([ "$(find "$work"/valgrind.* | wc -l)" -ge 3 ] && echo "3 or more")"
    check leaks "none of MTA-STS" "$(grep -lE '(mta|lka)_sts|libmtasts' "$work"/valgrind.* || echo none of MTA-STS)"
    check invalid none "$(grep -hE 'Invalid (read|write)|uninitialised' "$work"/valgrind.* | head -n 1 | grep . || echo none)"
    start_smtpd
}
