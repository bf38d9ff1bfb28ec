#!/bin/sh
# Installs Site Recovery's mobility agent on this machine and registers it with its server.
# Systems Manager runs it as root every half hour. It does nothing on a machine that is done.
# It runs in the shells of RHEL 6 and later, including dash. Its last line is one line of JSON.
set -u
umask 077

PACKAGE_URL='{{ PackageUrl }}'
PACKAGE_SHA256='{{ PackageSha256 }}'
SERVER_ADDRESS='{{ ServerAddress }}'
SECRET_ID='{{ SecretId }}'
REGION='{{ Region }}'
EXPERIENCE='{{ Experience }}'
PROXY='{{ Proxy }}'
PROXY_BYPASS='{{ ProxyBypass }}'

VERSION_FILE=/usr/local/.vx_version
INSTALLER_LOG=/var/log/ua_install.log
LOG=/var/log/ec2-to-azure-mobility-agent.log
NOTE=/var/lib/ec2-to-azure/mobility-agent-server
NEEDED_KIB=2097152

WORK=$(mktemp -d /var/tmp/mobility-agent.XXXXXX) || exit 10
trap 'rm -rf "$WORK"' EXIT
trap 'exit 1' HUP INT TERM

bios_uuid() {
    cat /sys/class/dmi/id/product_uuid 2>/dev/null || /usr/sbin/dmidecode -s system-uuid 2>/dev/null
}

# $1: registered or failed, $2: a message. Quotes, backslashes and line ends would break the JSON.
report() {
    message=$(printf '%s' "$2" | tr '\n\r\t' '   ' | tr -d '\000-\037' | sed 's/\\/\\\\/g; s/"/\\"/g')
    printf '{"agent":"%s","bios":"%s","message":"%s"}\n' "$1" "$(bios_uuid)" "$message"
}

# $1: the exit code, $2: what went wrong and the way out.
fail() {
    report failed "$2"
    exit "$1"
}

# The last line that a program wrote to $1.
last_line() {
    sed -n '/[^[:space:]]/p' "$1" | tail -n 1
}

agent_setting() {
    directory=$(sed -n 's/^INSTALLATION_DIR[[:space:]]*=[[:space:]]*//p' "$VERSION_FILE" | tail -n 1)
    sed -n "s/^$1[[:space:]]*=[[:space:]]*//p" "$directory/etc/drscout.conf" 2>/dev/null | tail -n 1
}

# The agent's own files contain the address of a configuration server. The address of an appliance
# is only in the note that an earlier run of this script left.
registered() {
    [ -r "$VERSION_FILE" ] || return 1
    grep -q '^AGENT_CONFIGURATION_STATUS=Succeeded' "$VERSION_FILE" || return 1
    if [ "$EXPERIENCE" = classic ]; then
        [ "$(agent_setting CSType)" != CSPrime ] && [ "$(agent_setting Hostname)" = "$SERVER_ADDRESS" ]
    else
        [ "$(agent_setting CSType)" = CSPrime ] && [ "$(cat "$NOTE" 2>/dev/null)" = "$SERVER_ADDRESS" ]
    fi
}

# Runs a command that reaches the internet. The agent itself connects to its server only.
through_proxy() {
    if [ -n "$PROXY" ]; then
        direct="169.254.169.254,$SERVER_ADDRESS${PROXY_BYPASS:+,$PROXY_BYPASS}"
        env http_proxy="$PROXY" https_proxy="$PROXY" HTTP_PROXY="$PROXY" HTTPS_PROXY="$PROXY" \
            no_proxy="$direct" NO_PROXY="$direct" "$@"
    else
        "$@"
    fi
}

download() {
    for attempt in 1 2 3 4 5; do
        if command -v curl >/dev/null 2>&1; then
            through_proxy curl --fail --silent --show-error --location --max-redirs 3 --connect-timeout 30 \
                --output "$1" "$PACKAGE_URL" 2>"$WORK/download.log" && return 0
        elif command -v wget >/dev/null 2>&1; then
            through_proxy wget --no-verbose --tries=1 --timeout=60 --output-document="$1" "$PACKAGE_URL" \
                2>"$WORK/download.log" && return 0
        else
            fail 10 "this machine has neither curl nor wget. Install one of them."
        fi
        [ "$attempt" = 5 ] || sleep 15
    done
    fail 11 "$PACKAGE_URL cannot be fetched: $(last_line "$WORK/download.log"). Check that the machine reaches it on port 443${PROXY:+ through $PROXY}."
}

check_sum() {
    [ -n "$PACKAGE_SHA256" ] || return 0
    wanted=$(printf '%s' "$PACKAGE_SHA256" | tr 'A-F' 'a-f')
    found=$(sha256sum "$1" | cut -d ' ' -f 1)
    [ "$found" = "$wanted" ] ||
        fail 12 "the SHA-256 of the package is $found, but $wanted was expected. Correct replication.agent.linux, or put the right file at its url."
}

# Writes the text of the secret to $1, with the machine's own role.
read_secret() {
    aws=$(PATH="$PATH:/usr/local/bin:/usr/bin:/opt/aws/bin:/snap/bin" command -v aws) ||
        fail 10 "this machine has no AWS CLI, which reads the secret of the server. Install it, or set replication.agent.installation to manual."
    through_proxy "$aws" secretsmanager get-secret-value --region "$REGION" --secret-id "$SECRET_ID" \
        --query SecretString --output text >"$1" 2>"$WORK/secret.log" ||
        fail 13 "the machine may not read $SECRET_ID: $(last_line "$WORK/secret.log")"
}

# The service takes the stock kernels of a distribution. A cloud's own kernels are no such ones.
check_kernel() {
    kernel=$(uname -r)
    case "$kernel" in
        *-aws | *-aws-* | *.amzn* | *-gcp | *-gke | *-gkeop | *-oracle | *-kvm | *-linode | *.elrepo.*)
            fail 17 "the mobility service does not take the kernel $kernel. Install the stock kernel of the distribution (on Ubuntu linux-generic or linux-azure), boot it, and remove this one." ;;
    esac
}

install_agent() {
    check_kernel
    free=$(df -Pk / | awk 'NR == 2 { print $4 }')
    [ "$free" -ge "$NEEDED_KIB" ] ||
        fail 14 "/ has $((free / 1024)) MiB free, but the agent needs 2048. Free some space."
    download "$WORK/package.tar.gz"
    check_sum "$WORK/package.tar.gz"
    mkdir "$WORK/extracted"
    tar -xzf "$WORK/package.tar.gz" -C "$WORK/extracted" 2>"$WORK/tar.log" ||
        fail 14 "the package is not a tar.gz archive: $(last_line "$WORK/tar.log"). Check replication.agent.linux."
    cd "$WORK/extracted" || fail 14 "$WORK/extracted cannot be entered."
    [ -x ./install ] || fail 14 "the package contains no installer. Check replication.agent.linux."
    if [ "$EXPERIENCE" = classic ]; then
        ./install -r MS -v VmWare -d /usr/local/ASR -q -c CSLegacy </dev/null >>"$LOG" 2>&1
    else
        ./install -q -r MS -v VmWare -c CSPrime </dev/null >>"$LOG" 2>&1
    fi
    code=$?
    # 98: succeeded with warnings.
    [ "$code" = 0 ] || [ "$code" = 98 ] ||
        fail 15 "the installer ended with $code: $(last_line "$LOG"). See $INSTALLER_LOG. It also refuses a package for another distribution."
}

register() {
    if [ "$EXPERIENCE" = classic ]; then
        passphrase=$WORK/passphrase.txt
        sed -n 's/.*"passphrase"[[:space:]]*:[[:space:]]*"\([^"\\]*\)".*/\1/p' "$WORK/secret" |
            tr -d '\n' >"$passphrase"
        [ -s "$passphrase" ] || fail 13 "$SECRET_ID has no passphrase in it yet. The configuration server writes it there once it is installed."
        /usr/local/ASR/Vx/bin/UnifiedAgentConfigurator.sh -i "$SERVER_ADDRESS" -P "$passphrase" </dev/null >>"$LOG" 2>&1
    else
        mv "$WORK/secret" "$WORK/config.json"
        [ -s "$WORK/config.json" ] || fail 13 "$SECRET_ID is empty. Put the appliance's config.json there."
        cd "$WORK" || fail 16 "$WORK cannot be entered."
        /usr/local/ASR/Vx/bin/UnifiedAgentConfigurator.sh -S "$WORK/config.json" -q -D true -c CSPrime </dev/null >>"$LOG" 2>&1
    fi
    code=$?
    case "$code" in
        0 | 98) ;;
        13) fail 16 "the agent is registered with another configuration server, $(agent_setting Hostname). Uninstall the agent, or correct the stack." ;;
        14) fail 16 "$SERVER_ADDRESS does not answer on port 443, or has another passphrase. See $INSTALLER_LOG." ;;
        17 | 97) fail 16 "registration with $SERVER_ADDRESS failed. See /var/log/InstallerErrors.json and $INSTALLER_LOG." ;;
        *) fail 16 "registration with $SERVER_ADDRESS ended with $code: $(last_line "$LOG"). See $INSTALLER_LOG." ;;
    esac
    mkdir -p "${NOTE%/*}" && printf '%s\n' "$SERVER_ADDRESS" >"$NOTE"
}

if registered; then
    report registered "registered with $SERVER_ADDRESS before"
    exit 0
fi
# The secret first: without it the installation could not be completed.
read_secret "$WORK/secret"
[ -r "$VERSION_FILE" ] || install_agent
register
report registered "registered with $SERVER_ADDRESS"
