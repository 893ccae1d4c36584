# Debian's Sendmail, which asks by its own FEATURE(`sts').

obtain() { obtain_packages "$1" sendmail-bin sendmail-cf; }

row enforce enforce.test "sent 2.0.0 - mx.enforce.test,tls,sni" \
    "mode enforce, all is well"
row wildcard wildcard.test "sent 2.0.0 - mx.wildcard.test,tls,sni" \
    "the policy names all hosts below the domain"
row self-signed mx-self-signed.test "deferred 4.7.0 - -" \
    "mode enforce, the MX host's certificate is self-signed"
row wrong-name mx-wrong-name.test "deferred - - -" \
    "mode enforce, the certificate names another host"
row no-starttls no-starttls.test "deferred 4.7.0 - -" \
    "mode enforce, the MX host has no STARTTLS"
row mismatch mismatch.test "deferred - - -" \
    "the MX host is not in the policy; its certificate is its own"
row borrowed-name borrowed-name.test "deferred - - -" \
    "the MX host is not in the policy, its certificate is for one that is"
row two-labels wildcard-depth.test "deferred - - -" \
    "a wildcard stands for one label, the MX host has two"
row testing testing-cert.test "sent 2.0.0 - mx.testing-cert.test,tls" \
    "mode testing, a self-signed certificate"
row none none.test "sent 2.0.0 - mx.none.test,tls" \
    "mode none"
row no-policy no-record.test "sent 2.0.0 - mx.no-record.test,tls" \
    "no policy"

story down "the daemon is down: mail waits, and goes out once it is back"

story_down() {
    local since to=(enforce-while-down@enforce.test plain-while-down@no-record.test)
    stop_daemon
    since=$(now)
    send enforce-while-down "${to[0]}"
    send plain-while-down "${to[1]}"
    settled "$since" "${to[@]}"
    judge_unasked "$since" enforce-while-down enforce.test "deferred 4.7.0 - -"
    judge_unasked "$since" plain-while-down no-record.test "deferred 4.7.0 - -"

    start_daemon sqlite
    since=$(now)
    flush "$since" "${to[@]}"
    judge "$since" enforce-while-down enforce.test "sent 2.0.0 - mx.enforce.test,tls,sni"
    judge "$since" plain-while-down no-record.test "sent 2.0.0 - mx.no-record.test,tls"
}
