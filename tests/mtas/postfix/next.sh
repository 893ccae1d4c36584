# A Postfix that takes attributes for TLS reports (3.10) and matches MX names by them (3.10.5).

# The source of a Debian release to come, built by hand. Debian's patches are not in it.
obtain() {
    local dir=$1 release=trixie version=3.10
    [ ! -e "$dir/tree/complete" ] || return 0
    command -v apt-get >/dev/null || cannot "Debian's apt-get is needed to get the source of Postfix"
    rm -rf "$dir"
    mkdir -p "$dir/tree/"{usr,etc,var}
    echo "getting the source of Postfix $version"
    download_source "$dir" "$release" postfix
    (
        cd "$dir"
        tar -xzf postfix_"$version".*.orig.tar.gz
        cd postfix-"$version".*/
        echo "building $(basename "$PWD")"
        {
            nice make -s makefiles AUXLIBS='-lssl -lcrypto -lresolv' \
                CCARGS='-DUSE_TLS -DNO_DB -DNO_EAI -DNO_NIS -DNO_PCRE' &&
                nice make -s -j"$(nproc)" &&
                make -s non-interactive-package install_root="$dir/tree" tempdir="$dir"
        } </dev/null >"$dir/log" 2>&1 || {
            tail -n 30 "$dir/log"
            cannot "Postfix $version does not build; $dir/log says why"
        }
    )
    # Postfix makes it when it starts, with the right owners.
    rm -rf "$dir/tree/var/spool/postfix" "$dir/tree/var/lib/postfix"
    rm -rf "$dir/apt" "$dir"/postfix-"$version".*
    touch "$dir/tree/complete"
}

expected_warnings="MX name '.*' does not match STS MX pattern"

row enforce rpt:enforce.test "sent 2.0.0 Verified mx.enforce.test,tls,sni" \
    "mode enforce, asked with attributes"
row wildcard rpt:wildcard.test "sent 2.0.0 Verified mx.wildcard.test,tls,sni" \
    "the policy names all hosts below the domain"
row query queryrpt:unrelated.test "sent 2.0.0 Verified mx.unrelated.test,tls,sni" \
    "asked by the map name QUERYwithTLSRPT"
row borrowed-name rpt:borrowed-name.test "deferred 4.3.0 - -" \
    "the MX host is not in the policy, its certificate is for one that is"
row two-labels rpt:wildcard-depth.test "deferred 4.3.0 - -" \
    "a wildcard stands for one label, the MX host has two"
row one-of-two rpt:one-of-two.test "sent 2.0.0 Verified mx.one-of-two.test,tls,sni" \
    "the first MX host is not in the policy, the second is"
row mismatch rpt:mismatch.test "deferred 4.3.0 - -" \
    "the MX host is not in the policy; its certificate is its own"
row self-signed rpt:mx-self-signed.test "deferred 4.7.5 Untrusted -" \
    "mode enforce, the MX host's certificate is self-signed"
row wrong-name rpt:mx-wrong-name.test "deferred 4.7.5 Trusted -" \
    "mode enforce, the certificate names another host"
row no-starttls rpt:no-starttls.test "deferred 4.7.4 - -" \
    "mode enforce, the MX host has no STARTTLS"
row testing rpt:testing-cert.test "sent 2.0.0 Untrusted mx.testing-cert.test,tls" \
    "mode testing, a self-signed certificate"
row none rpt:none.test "sent 2.0.0 Trusted mx.none.test,tls" \
    "mode none"
row no-policy rpt:no-record.test "sent 2.0.0 Trusted mx.no-record.test,tls" \
    "no policy"
row dane queryrpt:dane.test "sent 2.0.0 Verified mx.dane.test,tls,sni" \
    "DANE vouches for a certificate of an unknown CA; MTA-STS alone would refuse it"
row dane-wrong queryrpt:dane-wrong.test "deferred 4.7.5 Untrusted -" \
    "DANE refuses a certificate that MTA-STS alone would accept"
known no-attributes borrowed-name.test "sent 2.0.0 Verified other.borrowed-name.test,tls,sni" \
    "without the attributes the MX name is not matched: ask by a map name with TLSRPT"

story attributes "what Postfix is told, word for word"

story_attributes() {
    local word
    word="secure match=mx.enforce.test servername=hostname policy_type=sts policy_domain=enforce.test"
    word+=" mx_host_pattern=mx.enforce.test { policy_string = version: STSv1 } { policy_string = mode: enforce }"
    word+=" { policy_string = mx: mx.enforce.test } { policy_string = max_age: 604800 }"
    check_map postfixwithTLSRPT enforce.test "$word"
    check_map QUERYwithTLSRPT enforce.test "$word"
    word=${word//mx.enforce.test/implicit-mx.test}
    check_map postfixwithTLSRPT '[implicit-mx.test]:25' "${word/enforce.test/implicit-mx.test}"
    check_map postfix enforce.test "secure match=mx.enforce.test servername=hostname"
    check_map postfixwithTLSRPT no-record.test "not found"
    check_map postfixwithTLSRPT .enforce.test "not found"
}

# check_map MAP KEY EXPECTED: what Postfix's own client of the protocol gets.
check_map() {
    local got
    got=$(postmap -q "$2" "socketmap:inet:127.0.0.1:8461:$1" 2>&1) || got=${got:-not found}
    check "$1 $2" "$3" "$got"
}
