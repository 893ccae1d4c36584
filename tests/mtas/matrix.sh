# What every mail server that honours MTA-STS makes of the lab. An edition reads this file, says by `differs`
# where its mail server is known to do otherwise, and why, and adds rows of its own.
#
# A mail server's mta.sh turns its own log into these outcomes:
#   outcome_of SINCE RECIPIENT   verified, delivered, deferred or bounced; nothing while it is under way
#   proof_of SINCE RECIPIENT     the lines of its log that say so
# and if it has a setting by which mail goes out when the daemon gives no answer:
#   fail_open yes|no             sets it

matrix_begins=${#order[@]}

delivery enforce enforce.test "verified mx.enforce.test" \
    "mode enforce, all is well"
delivery wildcard wildcard.test "verified mx.wildcard.test" \
    "the policy names all hosts below the domain"
delivery one-of-two one-of-two.test "verified mx.one-of-two.test" \
    "the first MX host is not in the policy, the second is"
delivery wrong-name mx-wrong-name.test "deferred" \
    "the MX host's certificate names another host"
delivery unknown-ca mx-unknown-ca.test "deferred" \
    "the MX host's certificate is from an unknown CA"
delivery self-signed mx-self-signed.test "deferred" \
    "the MX host's certificate is self-signed"
delivery expired mx-expired.test "deferred" \
    "the MX host's certificate has expired"
delivery no-starttls no-starttls.test "deferred" \
    "the MX host has no STARTTLS"
delivery mismatch mismatch.test "deferred" \
    "the MX host is not in the policy; its certificate is its own"
delivery two-labels wildcard-depth.test "deferred" \
    "a wildcard stands for one label, the MX host has two"
delivery borrowed-name borrowed-name.test "deferred" \
    "the MX host is not in the policy, its certificate is for one that is"
delivery first-down first-down.test "deferred" \
    "the MX host that the policy names is down, the other is not named"
delivery testing-cert testing-cert.test "delivered mx.testing-cert.test" \
    "mode testing, a self-signed certificate"
delivery testing testing.test "delivered mx.testing.test" \
    "mode testing, the MX host is not in the policy"
delivery none none.test "delivered mx.none.test" \
    "mode none"
delivery no-policy no-record.test "delivered mx.no-record.test" \
    "no policy"
delivery no-answer status-500.test "delivered mx.status-500.test" \
    "a record, but no policy can be fetched"
delivery dane dane.test "verified mx.dane.test" \
    "DANE vouches for a certificate of an unknown CA; MTA-STS alone would refuse it"
delivery dane-wrong dane-wrong.test "deferred" \
    "DANE refuses a certificate that MTA-STS alone would accept"

story one-message "one message to two domains on one MX host: with a policy, and without"
story same-host "one MX host, and domains that are refused and that are not, one after the other"
story daemon-down "the daemon is down, and nothing is held: mail waits, also for domains without a policy"
story daemon-slow "the daemon does not answer: mail waits no longer than the deadline, and goes out once it does"
story restart "the daemon is restarted while the policy hosts are gone: what it held is enforced"
story change "the policy changes between two messages"

matrix=("${order[@]:matrix_begins}")

story_one-message() {
    one_message both shared-mx.test "verified mx.shared-mx.test"
    one_message refused shared-mx-refused.test "deferred"
}

# one_message NAME DOMAIN OUTCOME: to a domain with a policy and to one without, on the same MX host.
one_message() {
    local since plain=shared-mx-plain.test
    since=$(now)
    send "$1" "$1@$2" "$1@$plain"
    settled "$since" "$1@$2" "$1@$plain"
    judge_delivery "$since" "one-$1" "$1@$2" "$3"
    judge_delivery "$since" "one-$1-plain" "$1@$plain" "delivered mx.shared-mx.test"
}

story_same-host() {
    exchange refused-first shared-mx-refused.test "deferred"
    exchange plain-second shared-mx-plain.test "delivered mx.shared-mx.test"
    exchange plain-first shared-mx-plain.test "delivered mx.shared-mx.test"
    exchange refused-second shared-mx-refused.test "deferred"
    exchange good-third shared-mx.test "verified mx.shared-mx.test"

    exchange plain-before-bad shared-bad-mx-plain.test "delivered mx.shared-bad-mx.test"
    exchange bad-host shared-bad-mx.test "deferred"
    exchange plain-after-bad shared-bad-mx-plain.test "delivered mx.shared-bad-mx.test"
}

story_daemon-down() {
    local since
    stop_daemon
    since=$(now)
    send down down@enforce.test
    send down-plain down-plain@no-record.test
    settled "$since" down@enforce.test down-plain@no-record.test
    judge_delivery "$since" down down@enforce.test "deferred" unasked
    judge_delivery "$since" down-plain down-plain@no-record.test "deferred" unasked

    since=$(now)
    if declare -F fail_open >/dev/null; then
        fail_open yes
        send down-open down-open@enforce.test
        settled "$since" down-open@enforce.test
        judge_delivery "$since" down-open down-open@enforce.test "delivered mx.enforce.test" unasked
        fail_open no
    else
        check down-open "delivered mx.enforce.test" "no such setting"
    fi

    start_daemon sqlite
    since=$(now)
    flush "$since" down@enforce.test down-plain@no-record.test
    judge_delivery "$since" up-again down@enforce.test "verified mx.enforce.test"
    judge_delivery "$since" up-again-plain down-plain@no-record.test "delivered mx.no-record.test"
}

story_daemon-slow() {
    local since
    kill -STOP "$daemon"
    since=$(now)
    send slow slow@enforce.test
    within 20 all_settled "$since" slow@enforce.test || true
    judge_delivery "$since" slow slow@enforce.test "deferred" unasked
    since=$(now)
    kill -CONT "$daemon"
    flush "$since" slow@enforce.test
    judge_delivery "$since" slow-no-more slow@enforce.test "verified mx.enforce.test" unasked
}

story_restart() {
    exchange before-restart wildcard.test "verified mx.wildcard.test"
    stop_daemon
    # A port where no policy host listens.
    https_port=444
    start_daemon sqlite
    exchange not-held unrelated.test "delivered mx.unrelated.test"
    exchange held wildcard.test "verified mx.wildcard.test"
    exchange held-refused mismatch.test "deferred"
    stop_daemon
    https_port=443
    start_daemon sqlite
}

# By the daemon's configuration: the lab's policies stay as they are.
story_change() {
    local domain=no-record.test
    exchange before-change "$domain" "delivered mx.$domain"
    more_config="[overrides.\"$domain\"]
mode = \"enforce\"
mx = [\"other.$domain\"]"
    reload_daemon
    exchange changed-refused "$domain" "deferred"
    more_config=${more_config/other./mx.}
    reload_daemon
    exchange changed "$domain" "verified mx.$domain"
    more_config=
    reload_daemon
    exchange changed-back "$domain" "delivered mx.$domain"
}
