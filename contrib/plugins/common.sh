# common.sh - what the bundled plugins have in common. Not executable, so that it is no plugin itself.
#
# A plugin sets `version`, and `separate_download` or `needs_root` to yes where that is so, sources this file by
# `. "${0%/*}/common.sh"`, defines the functions that `main` calls, and ends with `main "$@"`. Its private directory is
# $work. POSIX sh, awk and what every Debian has, since a server may have neither Python nor Perl's modules.
#
# A *changes file* says what an update would bring or has brought. Its lines are fields between TABs:
#   package NAME FROM TO BYTES   FROM is empty for a new one, TO for one that is gone; BYTES, to download, may be missing
#   held NAME                    has an update that is not installed
#   restart NAME                 has to be restarted
# shellcheck shell=sh

export LC_ALL=C.UTF-8 # the words of tools are read
PATH=${PATH:-/usr/bin:/bin}
plugin=${0##*/}

say() {
    printf '%s: %s\n' "$plugin" "$*" >&2
}

# ---- events ------------------------------------------------------------------------------------------------------

# escape TEXT: sets $escaped to what TEXT is between the quotes of a JSON string.
escape() {
    escaped=$1
    case $1 in
        *[\\\"]* | *[![:print:]]*)
            escaped=$(printf '%s' "$1" | LC_ALL=C tr -d '\000-\037\177' | sed 's/[\\"]/\\&/g')
            ;;
    esac
}

# progress PHASE PERCENT MESSAGE [MEMBERS]: one event; PERCENT may be empty, MEMBERS are further ones in JSON.
progress() {
    escape "$3"
    printf 'PROGRESS:{"type":"progress","phase":"%s",%s"message":"%s"%s}\n' \
        "$1" "${2:+\"percent\":$2,}" "$escaped" "${4:+,$4}" >&2
}

# progress_of_items PHASE DONE TOTAL NAME MESSAGE: DONE of TOTAL packages are complete, and NAME is the next.
progress_of_items() {
    escape "$4"
    progress "$1" $(($2 * 100 / ($3 > 0 ? $3 : 1))) "$5" \
        "\"package\":\"$escaped\",\"items_completed\":$2,\"items_total\":$3"
}

# A function for awk: VALUE as a JSON string.
awk_text='function text(value) {
    gsub(/[[:cntrl:]]/, "", value)
    gsub(/[\\"]/, "\\\\&", value)
    return "\"" value "\""
}'

# result CHANGES [REBOOT]: the result line of a changes file; REBOOT is true where one is required.
result() {
    # update-all cuts a line at 64 KiB: past 60,000 bytes the packages are counted, not named.
    LC_ALL=C awk -F '\t' -v reboot="${2:-false}" "$awk_text"'
        function add(kind, item) {
            if (used + length(item) > 60000) return
            used += length(item) + 1
            list[kind] = list[kind] (list[kind] == "" ? "" : ",") item
        }
        $1 == "package" {
            count++
            add($1, "{\"name\":" text($2) ($3 == "" ? "" : ",\"from\":" text($3)) ($4 == "" ? "" : ",\"to\":" text($4)) "}")
        }
        $1 == "held" || $1 == "restart" { add($1, text($2)) }
        END {
            printf "PROGRESS:{\"type\":\"result\",\"packages\":[%s],\"packages_updated\":%d,", list["package"], count
            printf "\"held\":[%s],\"restart\":[%s],\"reboot_required\":%s}\n", list["held"], list["restart"], reboot
        }
    ' "$1" >&2
}

# changes_between BEFORE AFTER: prints the package lines of a changes file, from two lists of `NAME VERSION`.
changes_between() {
    awk -v OFS='\t' -v before="$1" '
        FILENAME == before { from[$1] = $2; next }
        { to[$1] = $2 }
        !($1 in from) || from[$1] != $2 { print "package", $1, ($1 in from ? from[$1] : ""), $2 }
        END { for (name in from) if (!(name in to)) print "package", name, from[name], "" }
    ' "$1" "$2"
}

# ---- answers -----------------------------------------------------------------------------------------------------

# answer_estimate CHANGES [MEMBERS]: the estimate of a changes file; without packages it means 'up to date'.
answer_estimate() {
    LC_ALL=C awk -F '\t' -v members="${2:+,$2}" "$awk_text"'
        $1 == "package" {
            list = list (count++ ? "," : "") "{\"name\":" text($2)
            if ($3 != "") list = list ",\"current_version\":" text($3)
            if ($4 != "") list = list ",\"new_version\":" text($4)
            if ($5 != "") { list = list ",\"download_size_bytes\":" sprintf("%.0f", $5); total += $5; known++ }
            list = list "}"
        }
        END {
            printf "{\"status\":\"success\",\"data\":{\"applicable\":true,\"packages_to_update\":[%s]", list
            if (known == count) printf ",\"total_download_size_bytes\":%.0f", total
            printf "%s}}\n", members
        }
    ' "$1"
}

# fail_estimate CODE MESSAGE: ends the command. NETWORK_ERROR, TIMEOUT and TEMPORARY_FAILURE are tried again.
fail_estimate() {
    escape "$2"
    printf '{"status":"error","data":null,"error":{"code":"%s","message":"%s"}}\n' "$1" "$escaped"
    exit 3
}

# ---- hints and settings ------------------------------------------------------------------------------------------

# hint NAME: prints the number in UPDATE_ALL_NAME; nothing where there is none.
hint() {
    hinted=
    eval "hinted=\${UPDATE_ALL_$1:-}"
    case $hinted in
        '' | *[!0-9]*) ;;
        *) printf '%s' "$hinted" ;;
    esac
}

# download_rate UNIT: prints how many UNITs of bytes a second may be downloaded, one at least; nothing where all may be.
download_rate() {
    hinted_rate=$(hint DOWNLOAD_RATE_BYTES)
    [ -z "$hinted_rate" ] || printf '%s' $((hinted_rate / $1 > 0 ? hinted_rate / $1 : 1))
}

# paths_of PATTERNS: what there is of a setting's patterns, which colons separate; ~/ is the home directory. One a line.
paths_of() (
    set -f
    IFS=:
    # shellcheck disable=SC2086
    set -- $1
    set +f
    IFS=
    for pattern; do
        # shellcheck disable=SC2088
        case $pattern in '~/'*) pattern=$HOME/${pattern#??} ;; esac
        for match in $pattern; do
            [ ! -e "$match" ] || printf '%s\n' "$match"
        done
    done
)

# shown PATH: prints it with ~ for the home directory.
shown() {
    # shellcheck disable=SC2088
    case $1 in
        "${HOME:-/nowhere}"/*) printf '~/%s' "${1#"$HOME"/}" ;;
        *) printf '%s' "$1" ;;
    esac
}

# ---- running a tool ----------------------------------------------------------------------------------------------

# split_redraws: a filter that makes lines of what a tool redraws by carriage returns.
split_redraws() {
    if command -v stdbuf >/dev/null; then
        stdbuf -oL tr '\r' '\n' # which would hold back 4 KiB otherwise
    else
        tr '\r' '\n'
    fi
}

# read_to_end: $reader, which goes on where nobody reads us any more. A tool whose words find no reader would be killed by
# SIGPIPE in the middle of its work.
read_to_end() (
    trap '' PIPE
    set +e
    "$reader"
)

# filtered READER COMMAND...: the function READER with all that COMMAND prints as its input. Returns what COMMAND does.
# While it runs, a trapped signal waits.
filtered() {
    reader=$1
    shift
    rm -f "$work/filtered"
    { "$@" </dev/null 2>&1 || printf '%s' "$?" >"$work/filtered"; } | read_to_end
    [ ! -s "$work/filtered" ] || return "$(cat "$work/filtered")"
}

# relayed READER COMMAND...: the function READER with what COMMAND writes to descriptor 9 as its input. While it runs,
# its process id is in $child and traps act at once.
child=
relayed() {
    reader=$1 child_status=0
    shift
    rm -f "$work/relayed"
    mkfifo "$work/relayed"
    read_to_end <"$work/relayed" &
    reader=$!
    # A shell's background job ignores SIGINT; a tool that takes it as 'finish, then stop' shall not.
    ! env --default-signal=INT true 2>/dev/null || set -- env --default-signal=INT "$@"
    "$@" </dev/null 9>"$work/relayed" &
    child=$!
    wait_for "$child" || child_status=$?
    child=
    wait_for "$reader" || true
    return "$child_status"
}

# `wait` that a trapped signal does not end before its time.
wait_for() {
    ended=0
    wait "$1" || ended=$?
    while kill -0 "$1" 2>/dev/null; do
        ended=0
        wait "$1" || ended=$?
    done
    return "$ended"
}

# ---- the commands ------------------------------------------------------------------------------------------------

# main COMMAND [--dry-run]: by the plugin's functions is_applicable (exit status), estimate (prints the answer), download,
# update, dry_run (prints what an update would do) and validate (exit status; says what to do).
main() {
    case ${1-} in
        estimate-update | estimate-download | download | update | validate)
            work=$(mktemp -d)
            trap 'rm -rf "$work"' EXIT
            ;;
    esac
    case ${1-}:${2-}:${separate_download:-no} in
        is-applicable:*) is_applicable ;;
        can-separate-download:*) [ "${separate_download:-no}" = yes ] ;;
        does-require-sudo:*) [ "${needs_root:-no}" = yes ] ;;
        estimate-update:* | estimate-download::yes) estimate ;;
        download::yes) download ;;
        update::*) update ;;
        update:--dry-run:*) dry_run ;;
        version:*) printf '%s\n' "${version:?}" ;;
        validate:*) validate ;;
        *)
            say "unknown command '$*'"
            exit 2
            ;;
    esac
}
