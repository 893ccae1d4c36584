# The same within Debian's own configuration of Exim, as exim4-config makes it.

. "$here/exim/dlfunc.sh"
same_as=exim/dlfunc
order=()

exim_conf() {
    cat >/etc/exim4/update-exim4.conf.conf <<CONF
dc_eximconfig_configtype='internet'
dc_other_hostnames=''
dc_local_interfaces='127.0.0.1 ; ::1'
dc_use_split_config='true'
dc_localdelivery='mail_spool'
CONF
    echo client.test >/etc/mailname
    "$root/bindings/exim/dlfunc/debian-conf" /etc/exim4/conf.d
    {
        lab_macros
        echo "ROUTER_DNSLOOKUP_IGNORE_TARGET_HOSTS = 0.0.0.0"
        echo "disable_ipv6"
    } >/etc/exim4/conf.d/main/0000_lab
    update-exim4.conf --keepcomments -o "$work/exim4.conf" >&2
    cat "$work/exim4.conf"
}

. "$here/matrix.sh"
