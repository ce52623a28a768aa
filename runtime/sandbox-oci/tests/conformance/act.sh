# Does one thing after the other, as `stepwell_conformance::Action` says it: its arguments are words and their operands.
tell() {
    if [ "$1" != 0 ]; then
        echo refused
    elif [ -n "$2" ]; then
        printf 'ok %s\n' "$2"
    else
        echo ok
    fi
}
# Whether somebody listens on the port of these four digits.
listens() {
    while read -r _ here _ state _; do
        if [ "$state" = 0A ] && [ "${here##*:}" = "$1" ]; then
            return 0
        fi
    done << END
$(cat /proc/net/tcp /proc/net/tcp6)
END
    return 1
}
while [ $# -gt 0 ]; do
    word=$1
    shift
    found=
    case $word in
    print) printf '%s\n' "$1"; shift ;;
    complain) printf '%s\n' "$1" >&2; shift ;;
    flood) yes xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx | head -c "$1"; shift ;;
    exit) exit "$1" ;;
    hang) exec sleep 1000000 ;;
    env) eval "set=\${$1+set} found=\$$1"; [ -n "$set" ]; tell $? "$found"; shift ;;
    write) { printf '%s' "$2" > "$1"; } 2> /dev/null; tell $?; shift 2 ;;
    write-binary) { printf '\377\376\000' > "$1"; } 2> /dev/null; tell $?; shift ;;
    fill) { head -c "$2" /dev/zero > "$1"; } 2> /dev/null; tell $?; shift 2 ;;
    read) found=$(cat "$1" 2> /dev/null); tell $? "$found"; shift ;;
    list) found=$(ls -A1 "$1" 2> /dev/null); ended=$?; tell $ended "$(echo $found)"; shift ;;
    make-folder) mkdir "$1" 2> /dev/null; tell $?; shift ;;
    link) ln -s "$1" "$2" 2> /dev/null; tell $?; shift 2 ;;
    remove) rm "$1" 2> /dev/null; tell $?; shift ;;
    await) until [ -e "$1" ]; do usleep 1000; done; tell 0; shift ;;
    serve)
        nc -ll -p "$1" -e printf '%s' "$2" &
        until listens "$(printf '%04X' "$1")"; do usleep 1000; done
        tell 0
        wait
        shift 2
        ;;
    get) found=$(wget -q -O - "$1" 2> /dev/null); tell $? "$found"; shift ;;
    window) found=$(stty size 2> /dev/null); tell $? "$found" ;;
    *) echo "not a word: $word" >&2; exit 100 ;;
    esac
done
