# What the editions with a patched Exim share: how it is built, its configuration, their rows.

# The release of Debian whose source package has the upstream tarball.
declare -A exim_release=([4.96]=bookworm [4.100]=sid)
exim_needs=(libpcre2-dev libpcre2-8-0 libdb5.3-dev libdb5.3 libidn-dev libidn12 libidn2-dev libidn2-0 libssl-dev libgnutls28-dev)

# obtain_patched DIR VERSION openssl|gnutls: DIR/tree with Exim and what it is linked with. A version may have more
# numbers: 4.100 is the newest of those.
obtain_patched() {
    local dir=$1 version=$2 tls=$3 program sum packages=$cache/exim/packages
    for program in apt-get gcc make patch perl pkg-config; do
        command -v "$program" >/dev/null || cannot "'$program' is needed to build Exim"
    done
    obtain_packages "$packages" "${exim_needs[@]}"
    obtain_library "$dir"
    sum=$(echo "$library"; library_sum; cat "$root"/bindings/exim/patch/{apply,exim-*,files/*} | sha256sum; declare -f build_exim local_makefile)
    [ "$(cat "$dir/exim.sum" 2>/dev/null)" != "$sum" ] || return 0

    mkdir -p "$dir"
    rm -rf "$dir/tree" "$dir"/exim-*
    mkdir -p "$dir/tree/"{usr/sbin,etc,var}
    [ -n "$(upstream_tarball "$dir")" ] || {
        echo "getting the source of Exim $version"
        download_source "$dir" "${exim_release[$version]}" exim4
        rm -rf "$dir/apt"
    }
    echo "building Exim $version with $tls"
    (cd "$dir" && "$root/bindings/exim/patch/apply" "$(upstream_tarball "$dir")") >"$dir/apply.log" 2>&1 ||
        { cat "$dir/apply.log"; cannot "the patch does not apply"; }
    build_exim "$dir" "$(echo "$dir"/exim-*/)" "$tls" yes
    install -m 755 "$dir"/exim-*/build-*/exim "$dir/tree/usr/sbin/exim"
    # What the packages have that this machine may not.
    cp -a "$packages/tree/usr/lib" "$dir/tree/usr/"
    add_library "$dir/tree"
    find "$dir/tree/usr/lib" ! -type d ! -name 'lib*.so*' -delete
    rm -rf "$dir"/exim-*/
    echo "$sum" >"$dir/exim.sum"
}

upstream_tarball() { find "$1" -maxdepth 1 -name 'exim4_*.orig.tar.*' ! -name '*.asc'; }

# build_exim DIR TREE openssl|gnutls [yes]: with MTA-STS or without. The headers are laid over /usr, and nowhere else.
build_exim() {
    local dir=$1 tree=$2 tls=$3 status=0
    mkdir -p "$tree/Local"
    local_makefile "$tls" "${4:-}" >"$tree/Local/Makefile"
    timeout 540 unshare --mount bash -c '
        set -e
        mount -t overlay overlay -o "lowerdir=$1/usr:/usr" /usr
        exec nice make -C "$2" -j"$(nproc)"
    ' build "$cache/exim/packages/tree" "$tree" </dev/null >"$dir/make.log" 2>&1 || status=$?
    [ "$status" -ne 124 ] || cannot "building Exim took more than nine minutes; $dir/make.log says how far it came"
    [ "$status" -eq 0 ] || { tail -n 30 "$dir/make.log"; cannot "Exim does not build; $dir/make.log says why"; }
    ! grep -E '^mta_sts[a-z_.-]*:[0-9]+:.* warning: ' "$dir/make.log" || cannot "the patch has warnings"
}

local_makefile() {
    cat <<MAKEFILE
BIN_DIRECTORY=/usr/sbin
CONFIGURE_FILE=/etc/exim4/exim4.conf
CONFIGURE_OWNER=0
EXIM_USER=ref:Debian-exim
SPOOL_DIRECTORY=/var/spool/exim4
LOG_FILE_PATH=/var/log/exim4/%slog
PID_FILE_PATH=/run/exim4/exim.pid
ROUTER_ACCEPT=yes
ROUTER_DNSLOOKUP=yes
ROUTER_MANUALROUTE=yes
TRANSPORT_SMTP=yes
LOOKUP_DBM=yes
LOOKUP_LSEARCH=yes
USE_DB=yes
DBMLIB=-ldb
PCRE2_CONFIG=yes
SUPPORT_DANE=yes
SUPPORT_I18N=yes
SUPPORT_I18N_2008=yes
LDFLAGS += -lidn -lidn2
EXIM_MONITOR=
FIXED_NEVER_USERS=root
COMPRESS_COMMAND=/usr/bin/gzip
COMPRESS_SUFFIX=gz
ZCAT_COMMAND=/usr/bin/zcat
SYSTEM_ALIASES_FILE=/etc/aliases
EXICYCLOG_MAX=10
TMPDIR="/tmp"
CFLAGS=-O1 -g -Wall -D_LARGEFILE_SOURCE -fno-strict-aliasing ${more_flags:-}
MAKEFILE
    case $1 in
    openssl) printf '%s\n' USE_OPENSSL=yes USE_OPENSSL_PC=openssl ;;
    gnutls) printf '%s\n' USE_GNUTLS=yes 'USE_GNUTLS_PC=gnutls gnutls-dane' ;;
    esac
    [ -z "$2" ] || printf '%s\n' SUPPORT_MTASTS=yes "PKG_CONFIG_PATH=$library/lib/pkgconfig" \
        'EXTRALIBS_EXIM+=-Wl,-rpath,/usr/local/lib'
}

# outcome_of SINCE RECIPIENT: "verified" is what the policy or DANE asked for, and not a certificate that happens to be valid.
outcome_of() {
    local line
    line=$(last_line "$@")
    case " $line " in
    *" "[=-]"> "*" CV=sts "* | *" "[=-]"> "*" CV=dane "*) echo verified ;;
    *" "[=-]"> "*) echo delivered ;;
    *" == "*) echo deferred ;;
    *" ** "*) echo bounced ;;
    esac
}

exim_binary() { echo "${exim_program:-/usr/sbin/exim}"; }

# Settings of the rows; configure_mta makes them so.
sts_options=mta_sts more_options='' router='' tls_roots=yes

exim_conf() {
    lab_options
    cat <<CONF
daemon_smtp_ports = 2525
local_interfaces = 127.0.0.1
log_selector = +tls_sni +tls_resumption
acl_smtp_rcpt = to_rcpt
tls_advertise_hosts =

begin acl
to_rcpt:
  warn local_parts = ^cut
       control = cutthrough_delivery
  accept local_parts = ^held
         verify = recipient/callout=10s,no_cache,use_sender,hold
  require verify = recipient/callout=10s,no_cache,use_sender
  accept
sts_event:
  warn logwrite = EVENT \$acl_arg1 \$acl_arg2 sts=\$tls_out_sts
  accept

begin routers
$router
mx:
  driver = dnslookup
  transport = out

begin transports
out:
  driver = smtp
  $([ "$tls_roots" = no ] || echo "tls_verify_certificates = $work/ca.pem")
  $sts_options
  $([ "$fails_open" = no ] || echo mta_sts_fail_open)
  $more_options

begin retry
* * F,2h,5m
CONF
}

. "$here/matrix.sh"

# What the matrix does not tell.
story tag "what the log and events say of a delivery, by the policy"
story options "no option of the transport makes what is enforced optional"
story trust "without trust anchors nothing is delivered by a policy"
story shared-connection "a connection that was made for another domain is not used"
story resumption "a TLS session is resumed only by domains with a policy, or only by those without"
story callout "recipients are verified by callout, and cutthrough deliveries made, by the policy as well"
story per-domain "mta_sts, mta_sts_domain and mta_sts_socket are expanded"
story next-hop "a smart host: the policy is that of the next hop"
story passed-over "hosts that the policy does not name are none of hosts_max_try"
story u-label "the name of a host is in U-labels, the policy in A-labels"
story peer "who listens at the socket: root, or mta_sts_peer_user"
story no-validation "the resolver does not tell Exim that it validates: DANE cannot be honoured"
story round-trips "a delivery asks the daemon once, whatever the number of MX hosts"
story leaks "nothing leaks on the way to the daemon and back"

. "$here/bad_daemon.sh"
. "$here/exim/cost.sh"

# The same without MTA-STS, to compare with.
exim_conf_without() { (sts_options='' && exim_conf); }

# with OPTIONS: lines of the transport from now on.
with() {
    more_options=$1
    configure_mta
}

# route DOMAIN HOSTS: the hosts of a domain from now on, in this order, whatever its MX records are.
route() {
    router="smart:
  driver = manualroute
  route_list = $1 $2
  transport = out"
}

# check_log NAME SINCE PATTERN: a line of Exim's log since then.
check_log() {
    local line
    line=$(exim_log "$2" | grep -E -- "$3" | head -n 1 || true)
    check "$1" "logged" "${line:+logged}" '' "$line"
}

story_tag() {
    local since events
    events='event_action = ${if match{$event_name}{^(sts:fail|msg:delivery)}{${acl{sts_event}{$event_name}{$event_data}}}}'
    with "$events"
    since=$(now)
    exchange tag-enforce enforce.test "verified mx.enforce.test"
    exchange tag-testing testing-cert.test "delivered mx.testing-cert.test"
    exchange tag-mismatch mismatch.test "deferred"
    exchange tag-no-starttls no-starttls.test "deferred"
    exchange tag-plain no-record.test "delivered mx.no-record.test"
    check_log tag-cv "$since" '=> tag-enforce@.* CV=sts '
    check_log tag-cv-plain "$since" '=> tag-plain@.* CV=yes '
    check_log tag-variable "$since" 'EVENT msg:delivery .*sts=yes'
    check_log tag-logged "$since" 'H=mx.testing-cert.test .* MTA-STS testing: fails the policy of testing-cert.test: the certificate was not verified'
    check_log event-testing "$since" 'EVENT sts:fail validation-failure sts=no'
    check_log event-no-starttls "$since" 'EVENT sts:fail starttls-not-supported'
    with ''
    since=$(now)
    exchange tag-testing-mx testing.test "delivered mx.testing.test"
    check_log tag-logged-mx "$since" 'MTA-STS testing: fails the policy of testing.test: it is not in the policy'
}

story_options() {
    local line n=0
    for line in 'hosts_avoid_tls = *' 'tls_verify_hosts = :' 'tls_try_verify_hosts = :' \
        'tls_verify_cert_hostnames = :' 'tls_sni = other.test' 'multi_domain'; do
        n=$((n + 1))
        with "$line"
        exchange "option-$n" enforce.test "verified mx.enforce.test"
    done
    with 'tls_verify_hosts = :
  tls_try_verify_hosts = :
  tls_verify_cert_hostnames = :
  hosts_avoid_tls = *
  tls_tempfail_tryclear'
    exchange lax-self-signed mx-self-signed.test "deferred"
    exchange lax-wrong-name mx-wrong-name.test "deferred"
    exchange lax-no-starttls no-starttls.test "deferred"
    exchange lax-plain shared-bad-mx-plain.test "delivered mx.shared-bad-mx.test"
    with 'hosts_pipe_connect = *'
    exchange early-pipe enforce.test "verified mx.enforce.test"
    exchange early-pipe-again enforce.test "verified mx.enforce.test"
    with ''
}

story_trust() {
    tls_roots=no
    with ''
    exchange system-roots enforce.test "deferred"
    exchange system-plain no-record.test "delivered mx.no-record.test"
    with 'tls_verify_certificates ='
    exchange empty-roots enforce.test "deferred"
    with 'tls_verify_certificates = ${if eq{a}{b}{x}}'
    exchange expanded-empty enforce.test "deferred"
    with "tls_verify_certificates = $work/none.pem"
    exchange missing-roots enforce.test "deferred"
    : >"$work/empty.pem"
    with "tls_verify_certificates = $work/empty.pem"
    exchange empty-file enforce.test "deferred"
    tls_roots=yes
    with ''
    check_panics missing-roots "$work/none.pem"
}

# check_panics NAME PATTERN: nothing else is in the paniclog.
check_panics() {
    check "$1-panics" none "$(grep -v -- "$2" /var/log/exim4/paniclog 2>/dev/null | head -n 1 || true)none"
    rm -f /var/log/exim4/paniclog
}

# Messages that were routed only, so that a queue run sends one after the other on one connection.
story_shared-connection() {
    local start
    start=$(now)
    together plain-tls shared-mx-plain.test shared-mx.test "verified mx.shared-mx.test"
    together plain-refused shared-mx-plain.test shared-mx-refused.test "deferred"
    with 'hosts_avoid_tls = *'
    together plain-clear shared-mx-plain.test shared-mx.test "verified mx.shared-mx.test"
    with 'hosts_noproxy_tls = *'
    together plain-closed shared-mx-plain.test shared-mx.test "verified mx.shared-mx.test"
    with ''
    # With 4.100 no message has been seen to take over a connection here.
    [[ $edition == exim/next* ]] || check_log passed "$start" '=> plain-.*@shared-mx-plain.test .*]\* '
    check never-passed none "$(exim_log "$start" | grep -E '=> .*@shared-mx.test .*]\* ' | head -n 1 || true)none"
    together same-policy shared-mx.test shared-mx.test "verified mx.shared-mx.test"
    together bad-host shared-bad-mx-plain.test shared-bad-mx.test "deferred"
}

# together NAME FIRST SECOND OUTCOME: what becomes of mail to SECOND after mail to FIRST over the same host.
together() {
    local since first=$1-1@$2 second=$1-2@$3 later=$1-3@$2
    since=$(now)
    local address
    for address in "$second" "$first" "$later"; do
        printf 'Subject: together\n\nHello.\n' | exim -odqs -f "a@client.test" -- "$address"
    done
    # All are known to wait for that host; the first one sent takes the others along.
    exim -M "$(exim -bp | grep -B1 -F "$first" | awk 'NF > 3 { print $3; exit }')" 
    exim -qqff
    settled "$since" "$first" "$second" "$later"
    judge_delivery "$since" "$1" "$second" "$4"
    check "$1-kept" "$(case $2 in "$3") echo verified ;; *) echo delivered ;; esac)" "$(outcome_of "$since" "$later")"
}

story_resumption() {
    with 'tls_resumption_hosts = *
  tls_sni = $host'
    local plain again sts other
    plain=$(session_index shared-mx-plain.test)
    again=$(session_index shared-mx-plain.test)
    sts=$(session_index shared-mx.test)
    other=$(session_index enforce.test)
    check index-plain "found, the same" "${plain:+found}, $([ "$plain" = "$again" ] && echo the same || echo another)"
    check index-sts "found, another" "${sts:+found}, $([ "$plain" = "$sts" ] && echo the same || echo another)"
    check index-host "found, another" "${other:+found}, $([ "$other" = "$sts" ] && echo the same || echo another)"
    exchange resume-plain shared-mx-plain.test "delivered mx.shared-mx.test"
    exchange resume-sts shared-mx.test "verified mx.shared-mx.test"
    exchange resume-bad-plain shared-bad-mx-plain.test "delivered mx.shared-bad-mx.test"
    exchange resume-bad shared-bad-mx.test "deferred"
    with ''
}

# session_index DOMAIN: under which Exim keeps the TLS session with its host.
session_index() {
    printf 'Subject: index\n\nHello.\n' | exim -d-all+tls -odf -oi -f a@client.test -- "index@$1" 2>&1 |
        sed -n 's/.*TLS: resume session index //p' | head -n 1
}

# smtp_codes RECIPIENT...: what Exim answers to each, and to the message if it takes one.
smtp_codes() {
    {
        printf 'EHLO client.test\r\nMAIL FROM:<a@client.test>\r\n'
        printf 'RCPT TO:<%s>\r\n' "$@"
        printf 'DATA\r\nSubject: by SMTP\r\n\r\nHello.\r\n.\r\nQUIT\r\n'
    } | exim -bs 2>/dev/null | sed -n 's/^\([0-9]*\) .*/\1/p' | grep -v 500 | tail -n +4 | head -n -1 | paste -sd ' '
}

story_callout() {
    local since
    check callout-good "250 354 250" "$(smtp_codes a@enforce.test)"
    check callout-wrong-name 451 "$(smtp_codes a@mx-wrong-name.test)"
    check callout-no-starttls 451 "$(smtp_codes a@no-starttls.test)"
    check callout-mismatch 451 "$(smtp_codes a@mismatch.test)"
    check callout-plain "250 354 250" "$(smtp_codes a@shared-bad-mx-plain.test)"
    with 'hosts_verify_avoid_tls = *'
    check callout-avoid-tls "250 354 250" "$(smtp_codes b@enforce.test)"
    check callout-avoid-tls-bad 451 "$(smtp_codes b@mx-wrong-name.test)"
    with ''

    # The connection of the first recipient is not the second's.
    since=$(now)
    check cutthrough-two "250 250 354 250" "$(smtp_codes cut-1@shared-mx-plain.test cut-2@shared-mx.test)"
    settled "$since" cut-2@shared-mx.test
    check cutthrough-second "mx.shared-mx.test,tls,sni" "$(arrival cut-2@shared-mx.test)"
    check cutthrough-refused "250 451 354 250" "$(smtp_codes cut-3@shared-mx-plain.test cut-4@shared-mx-refused.test)"
    check cutthrough-refused-arrival - "$(arrival cut-4@shared-mx-refused.test)"
    since=$(now)
    check cutthrough-good "250 354 250" "$(smtp_codes cut-5@enforce.test)"
    check_log cutthrough-logged "$since" '>> cut-5@enforce.test .* X=TLS'
    # What a callout holds open is not used by the delivery, which looks for itself.
    since=$(now)
    check held-open "250 354 250" "$(smtp_codes held-1@enforce.test)"
    settled "$since" held-1@enforce.test
    judge_delivery "$since" held-delivered held-1@enforce.test "verified mx.enforce.test"
    since=$(now)
    check held-plain "250 354 250" "$(smtp_codes held-2@shared-mx-plain.test)"
    settled "$since" held-2@shared-mx-plain.test
    judge_delivery "$since" held-plain-delivered held-2@shared-mx-plain.test "delivered mx.shared-mx.test"
    check cutthrough-bad 451 "$(smtp_codes cut-6@shared-bad-mx.test)"
}

# unasked NAME DOMAIN OUTCOME: one message, for which the daemon need not be asked.
unasked() {
    local since
    since=$(now)
    send "$1" "$1@$2"
    settled "$since" "$1@$2"
    judge_delivery "$since" "$1" "$1@$2" "$3" unasked
}

story_per-domain() {
    local options=$sts_options
    sts_options='mta_sts = ${if eq{$domain}{mx-wrong-name.test}{false}{true}}'
    configure_mta
    unasked not-wanted mx-wrong-name.test "delivered mx.mx-wrong-name.test"
    exchange wanted mx-self-signed.test "deferred"
    sts_options='mta_sts = ${if eq{a}{a}{perhaps}}'
    configure_mta
    unasked no-boolean enforce.test "deferred"
    sts_options='mta_sts
  mta_sts_socket = /run/mta-sts/$domain'
    configure_mta
    unasked tainted-socket enforce.test "deferred"
    unasked tainted-none no-record.test "deferred"
    sts_options='mta_sts
  mta_sts_socket = ${if eq{1}{1}{/run/mta-sts/mta-sts.sock}}'
    configure_mta
    exchange expanded-socket enforce.test "verified mx.enforce.test"
    sts_options=$options
    configure_mta
    rm -f /var/log/exim4/paniclog
}

story_next-hop() {
    local options=$sts_options
    sts_options='mta_sts
  mta_sts_domain = enforce.test'
    route no-record.test enforce.test/mx
    configure_mta
    asks[next-hop]=enforce.test
    exchange next-hop no-record.test "verified mx.enforce.test"
    route no-record.test mx.shared-mx.test
    configure_mta
    asks[next-hop-other]=enforce.test
    exchange next-hop-other no-record.test "deferred"
    router='' sts_options=$options
    configure_mta
}

story_passed-over() {
    route one-of-two.test a.one-of-two.test:mx.one-of-two.test
    with 'hosts_max_try = 1'
    exchange passed-over one-of-two.test "verified mx.one-of-two.test"
    router=''
    with ''
}

story_u-label() {
    route xn--bcher-kva.test mx.bücher.test
    with ''
    exchange u-label xn--bcher-kva.test "verified mx.xn--bcher-kva.test"
    router=''
    with ''
}

story_peer() {
    local options=$sts_options
    stop_daemon
    start_bad_daemon other-user
    with ''
    expect_waiting stranger
    stop_bad_daemon
    start_bad_daemon other-user
    sts_options='mta_sts
  mta_sts_peer_user = nobody'
    configure_mta
    local since
    since=$(now)
    send known-user known-user@enforce.test
    settled "$since" known-user@enforce.test
    # It says that there is no policy.
    judge_delivery "$since" known-user known-user@enforce.test "delivered mx.enforce.test" unasked
    stop_bad_daemon
    sts_options=$options
    configure_mta
    start_daemon sqlite
    since=$(now)
    flush "$since" stranger@enforce.test
}

story_no-validation() {
    cp /etc/resolv.conf "$work/resolv.conf"
    sed -i 's/ trust-ad//' /etc/resolv.conf
    # Only DANE vouches for its certificate.
    exchange no-validation dane.test "deferred"
    cp "$work/resolv.conf" /etc/resolv.conf
}

story_round-trips() {
    local since questions
    since=$(now)
    printf 'Subject: traced\n\nHello.\n' |
        strace -f -qq -s 60 -e trace=connect,sendto,sendmsg,write,writev -o "$work/strace" \
            "$(exim_binary)" -odf -oi -f a@client.test -- traced@one-of-two.test
    settled "$since" traced@one-of-two.test
    check traced "verified mx.one-of-two.test" "$(delivered_as "$since" traced@one-of-two.test verified)"
    check connections 1 "$(grep -c 'mta-sts\.sock' "$work/strace")"
    grep -E 'mta-sts\.sock|:policy one-of-two' "$work/strace" | sed 's/^/    /'
    questions=$(grep -cE 'policy one-of-two\.test' "$work/strace" || true)
    check questions 1 "$questions"
    check answers 1 "$(daemon_log "$since" | grep -c 'domain=one-of-two.test')"
}

# Of libmtasts and of what calls it; Exim itself ends with much that it never frees.
story_leaks() {
    local since name
    command -v valgrind >/dev/null || { check leaks "none" "valgrind is missing"; return; }
    # Deliveries write there as another user.
    install -d -m 1777 "$work/valgrind"
    for name in enforce one-of-two mx-wrong-name; do
        since=$(now)
        printf 'Subject: watched\n\nHello.\n' |
            valgrind --quiet --trace-children=yes --leak-check=full --show-leak-kinds=definite,indirect,possible \
                --undef-value-errors=yes --num-callers=30 --log-file="$work/valgrind/%p" \
                "$(exim_binary)" -odf -oi -f a@client.test -- "watched@$name.test" ||
            echo "watched-$name: Exim ended with $? under Valgrind"
        within 10 all_settled "$since" "watched@$name.test" || {
            # Another process may have had the message at that moment.
            try_again
            within "$patience" all_settled "$since" "watched@$name.test" || true
        }
        check "watched-$name" "$([ "$name" = mx-wrong-name ] && echo deferred || echo verified)" \
            "$(outcome_of "$since" "watched@$name.test")" "watched@$name.test" "$(proof_of "$since" "watched@$name.test")"
    done
    check processes-watched yes "$([ "$(find "$work/valgrind" -type f | wc -l)" -ge 6 ] && echo yes || echo no)"
    # A report is a paragraph: what leaked or was misused, and where. Exim's pools are never freed.
    cat "$work"/valgrind/* | sed 's/^==[0-9]*== *//' |
        awk -v RS= '/mtasts_|\(mta_sts\.c:/ && !/pool_get/' >"$work/leaks"
    head -n 30 "$work/leaks"
    check leaks none "$(grep -q . "$work/leaks" && echo some || echo none)"
}
