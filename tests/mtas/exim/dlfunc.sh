# Debian's Exim as it is, with the module for ${dlfunc}.

obtain() {
    local dir=$1 sum
    obtain_packages "$dir" exim4-daemon-heavy
    obtain_library "$dir"
    sum=$(library_sum; sha256sum "$root"/bindings/exim/dlfunc/{Makefile,*.c,*.map} "$root/tests/mtas/exim/call_module.c")
    [ "$(cat "$dir/module.sum" 2>/dev/null)" != "$sum" ] || return 0
    mkdir -p "$dir/tree/usr/local/bin"
    add_library "$dir/tree"
    rm -rf "$dir/module"
    cp -r "$root/bindings/exim/dlfunc" "$dir/module"
    PKG_CONFIG_PATH=$library/lib/pkgconfig make -B -C "$dir/module" install DESTDIR="$dir/tree" >"$dir/module.log" 2>&1 || {
        cat "$dir/module.log"
        cannot "the module for Exim does not build"
    }
    gcc -std=c99 -Wall -Wextra -g -o "$dir/tree/usr/local/bin/call_module" "$root/tests/mtas/exim/call_module.c" ||
        cannot "the program that calls the module does not build"
    echo "$sum" >"$dir/module.sum"
}

# The example that is given to users, with the lab's CA.
exim_conf() {
    lab_options
    lab_macros
    cat "$root/bindings/exim/dlfunc/exim4-mta-sts.conf"
}

# What the lab has otherwise than the internet.
lab_macros() {
    echo "MTA_STS_CA = $work/ca.pem"
    echo "MTA_STS_PRIVATE = 0.0.0.0"
    [ "$fails_open" = no ] || echo "MTA_STS_OPTIONS = fail_open"
}

# The same without MTA-STS, to compare with.
exim_conf_without() {
    exim_conf | awk -v RS= -v ORS='\n\n' '!/(^|\n)mta_sts_[a-z_]*:/'
}

. "$here/matrix.sh"
. "$here/bad_daemon.sh"
. "$here/exim/cost.sh"

delivery null-mx null-mx.test "bounced" \
    "the domain takes no mail (RFC 7505), though it has a policy"
delivery no-domain no-such-domain.test "bounced" \
    "there is no such domain"
delivery implicit-mx implicit-mx.test "verified implicit-mx.test" \
    "no MX record: the domain itself is the MX host"
delivery largest largest.test "verified mx.largest.test" \
    "a policy of 64 KiB"
delivery dane-alone dane-alone.test "verified mx.dane-alone.test" \
    "DANE without MTA-STS"

story ask "what the module answers"
story implicit-refused "no MX record, and a policy that does not name the domain itself"
story failed-open "with fail_open each message that nobody was asked about has a line in the log"
story no-validation "the resolver does not tell Exim that it validates: DANE cannot be honoured, and nothing is returned"
story testing-log "what the log says of policies in testing"
story deadline "the daemon hangs: each question ends at its deadline"
story memory "the module frees all that it takes"
story many-patterns "policies with thousands of patterns"
story ourselves "this host is an MX host of the domain, before those that the policy names (RFC 8461 section 8.4)"
story together "messages for domains with and without a policy on one bad MX host, in one run of the queue"
story characters "recipients that would mean something to Exim or a shell, if they were expanded"
story no-module "the module is not there: mail waits"

# ask DOMAIN [OPTIONS]: what the routers get. The domain is a value, as that of $domain is.
ask() {
    printf '%s' "$1" >"$work/domain"
    exim -be "\${dlfunc{/usr/lib/exim4/mta_sts_exim.so}{mta_sts_ask}{\${readfile{$work/domain}}}{${2:-}}}" 2>&1
}

story_ask() {
    check ask-enforce "decision=enforce reason=policy ignore=!@[]:!^(?i)(mx[.]enforce[.]test)$:*" "$(ask enforce.test)"
    check ask-wildcard "decision=enforce reason=policy ignore=!@[]:!^(?i)([^.]+[.]wildcard[.]test)$:*" "$(ask WILDCARD.test)"
    check ask-testing "decision=testing reason=policy" "$(ask testing.test)"
    check ask-no-policy "decision=no-policy reason=no-record" "$(ask no-record.test)"
    check ask-dane "decision=dane-only reason=dane ignore=!@[]:!^(?i)(mx[.]dane[.]test)$:*" "$(ask dane.test)"
    local domain
    for domain in '' '.' '[192.0.2.1]' 'a b.test' "a'b\".test" \
        'a${run{/bin/touch ran}}.test' 'a$(touch ran).test' '`touch ran`.test' \
        'a;b.test' '../../x.test' "$(printf 'x%.0s' {1..300}).test" "$(printf 'x%.0s' {1..20000})"; do
        check "ask-$(printf '%.12s' "$domain")" "decision=no-policy reason=no-domain" "$(cd "$work" && ask "$domain")"
    done
    check ask-nothing-ran "" "$(find "$work" -maxdepth 1 -name ran)"

    check ask-option "decision=unavailable problem=\"mta_sts_ask does not know the option deadlin=5\"" \
        "$(ask enforce.test 'fail_open deadlin=5')"
    check ask-user "decision=unavailable problem=\"mta_sts_ask does not know the option uid=nosuchuser\"" \
        "$(ask enforce.test uid=nosuchuser)"
    check ask-elsewhere "decision=unavailable problem=\"/nowhere: no such file: is mta-sts serve running?\"" \
        "$(ask enforce.test 'socket=/nowhere uid=Debian-exim')"
    check ask-fail-open "decision=no-policy reason=failed-open problem=\"/nowhere: no such file: is mta-sts serve running?\"" \
        "$(ask enforce.test 'socket=/nowhere fail_open')"

    stop_daemon
    start_bad_daemon other-user
    check ask-of-user "decision=no-policy reason=no-record" "$(ask enforce.test uid=65534)"
    check ask-of-name "decision=no-policy reason=no-record" "$(ask enforce.test uid=nobody)"
    stop_bad_daemon
    start_daemon sqlite
}

story_implicit-refused() {
    more_config=$(override implicit-mx.test '"mx.implicit-mx.test"')
    reload_daemon
    exchange implicit-refused implicit-mx.test "deferred"
    more_config=
    reload_daemon
}

story_failed-open() {
    local since
    stop_daemon
    fail_open yes
    since=$(now)
    exchange failed-open mismatch.test "delivered other.mismatch.test" unasked
    fail_open no
    start_daemon sqlite
    check said-failed-open "domain=mismatch.test: $socket: no such file: is mta-sts serve running?" \
        "$(exim_log "$since" | sed -n 's/.* MTA-STS: failed open //p')"
}

story_no-validation() {
    cp /etc/resolv.conf "$work/resolv.conf"
    sed -i 's/ trust-ad//' /etc/resolv.conf
    # Only DANE vouches for its certificate.
    exchange no-validation dane.test "deferred"
    cp "$work/resolv.conf" /etc/resolv.conf
}

story_testing-log() {
    more_config=$(override no-starttls.test '"mx.no-starttls.test"' | sed s/enforce/testing/)
    reload_daemon
    says_of no-starttls.test "would be refused: there is no TLS"
    says_of testing-cert.test "would be refused: the certificate is not valid"
    says_of testing.test "would be refused: the host is not in the policy"
    more_config=$(override enforce.test '"mx.enforce.test"' | sed s/enforce\"/testing\"/)
    reload_daemon
    says_of enforce.test ""
    more_config=
    reload_daemon
}

# says_of DOMAIN TEXT: the one line of MTA-STS about a message that is sent.
says_of() {
    local since
    since=$(now)
    exchange "testing-$1" "$1" "delivered mx.$1"
    check "said-$1" "$2" "$(exim_log "$since" | sed -n "s/.* MTA-STS: domain=$1 host=mx.$1 //p")"
}

story_deadline() {
    local begun=$SECONDS
    kill -STOP "$daemon"
    check deadline 'decision=unavailable problem="/run/mta-sts/mta-sts.sock: no answer in time"' "$(ask enforce.test deadline=1)"
    check deadline-time "within 3 s" "$([ $((SECONDS - begun)) -le 3 ] && echo "within 3 s" || echo "$((SECONDS - begun)) s")"
    kill -CONT "$daemon"
}

story_memory() {
    local domain
    for domain in enforce.test testing.test no-record.test no-such..domain; do
        check "memory-$domain" "no leak, no error" "$(without_leaks "$domain" "")"
    done
    check memory-unavailable "no leak, no error" "$(without_leaks enforce.test socket=/nowhere)"
}

# without_leaks DOMAIN OPTIONS
without_leaks() {
    valgrind -q --leak-check=full --error-exitcode=9 call_module /usr/lib/exim4/mta_sts_exim.so "$1" "$2" \
        >"$work/valgrind" 2>&1 && echo "no leak, no error" || tail -n 3 "$work/valgrind"
}

# The daemon's own overrides stand for what a domain publishes. The last pattern is the one that counts.
story_many-patterns() {
    local labels long
    more_config="$(override none.test "$(printf '"x%d.test", ' {1..4000})\"mx.none.test\"")
"
    printf -v long 'x%.0s' {1..60}
    labels=$long.$long.$long
    more_config+="$(override no-record.test "$(printf "\"%d.$labels.test\", " {1..300})\"*.no-record.test\"")
"
    # As many dots as a name may have: each becomes three octets.
    printf -v labels 'x.%.0s' {1..120}
    more_config+="$(override status-500.test "$(printf "\"x%d.${labels}test\", " {1..220})\"other.test\"")"
    reload_daemon
    exchange many-short none.test "verified mx.none.test"
    exchange many-long no-record.test "verified mx.no-record.test"
    exchange many-refused status-500.test "deferred"
    check many-octets "more than 64 KiB" "$([ "$(ask status-500.test | wc -c)" -gt 65536 ] && echo "more than 64 KiB" || ask status-500.test)"
    more_config=
    reload_daemon
}

# override DOMAIN MX...: a policy that nobody needs to publish.
override() { printf '[overrides."%s"]\nmode = "enforce"\nmx = [%s]' "$1" "$2"; }

story_ourselves() {
    local address
    address=$(exim -be '${lookup dnsdb{a=a.one-of-two.test}}')
    ip address add "$address/32" dev lo
    exchange ourselves-first one-of-two.test "deferred"
    ip address del "$address/32" dev lo
}

story_together() {
    local since name domain names=(bad plain other)
    local -A to=([bad]=shared-bad-mx.test [plain]=shared-bad-mx-plain.test [other]=shared-mx.test)
    for name in "${names[@]}"; do
        for domain in 1 2 3; do queue "$name$domain" "$name$domain@${to[$name]}"; done
    done
    since=$(now)
    try_again
    for name in "${names[@]}"; do
        for domain in 1 2 3; do
            settled "$since" "$name$domain@${to[$name]}"
            case $name in
            bad) judge_delivery "$since" "$name$domain" "$name$domain@${to[$name]}" "deferred" ;;
            plain) judge_delivery "$since" "$name$domain" "$name$domain@${to[$name]}" "delivered mx.shared-bad-mx.test" ;;
            other) judge_delivery "$since" "$name$domain" "$name$domain@${to[$name]}" "verified mx.shared-mx.test" ;;
            esac
        done
    done
}

story_characters() {
    local since to='${run{/bin/touch}}$domain`id`@enforce.test'
    since=$(now)
    send characters "$to"
    settled "$since" "$to"
    judge_delivery "$since" characters "$to" "verified mx.enforce.test"
    # Exim takes no such domains, and keeps no such message.
    since=$(now)
    for to in 'x@a${run{/bin/touch}}.test' 'x@$domain.test' 'x@`id`.test' 'x@a|b.test' "x@a'b.test" 'x@a"b".test'; do
        send characters "$to" >>"$work/refused" 2>&1 || true
    done
    sleep 1
    check characters-accepted 0 "$(exim_log "$since" | grep -cE ' (=>|==) ')"
}

# queue FROM-NAME RECIPIENT: without trying it.
queue() {
    printf 'Subject: a row of the table\n\nHello.\n' | exim -odq -oi -f "$1@client.test" -- "$2"
}

story_no-module() {
    mv /usr/lib/exim4/mta_sts_exim.so "$work/"
    exchange no-module enforce.test "deferred" unasked
    exchange no-module-plain no-record.test "deferred" unasked
    mv "$work/mta_sts_exim.so" /usr/lib/exim4/
    rm -f /var/log/exim4/paniclog
}
