# rpm.sh - what the plugins of rpm's front ends have in common. Not executable, so that it is no plugin itself. A plugin
# sources it after common.sh and sets $root to the directory that rpm works on.
# shellcheck shell=sh
root=/

# list_installed: `NAME.ARCHITECTURE EPOCH:VERSION-RELEASE`, the epoch only where there is one. Some packages, such as
# kernels, are installed in several versions.
list_installed() {
    rpm --root "$root" -qa --queryformat '%{NAME}.%{ARCH} %|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\n' | sort
}

# changes_between BEFORE AFTER: prints a changes file of two such lists.
changes_between() {
    awk '
        BEGIN { OFS = "\t" }
        # rpm counts the keys that it trusts as packages.
        /^gpg-pubkey[.]/ { next }
        FILENAME == ARGV[1] { before[$1, $2] = 1; old[++olds] = $0; next }
        { after[$1, $2] = 1; new[++news] = $0 }
        END {
            for (i = 1; i <= olds; i++) {
                split(old[i], field, " ")
                if (!((field[1], field[2]) in after)) gone[field[1]] = field[2]
            }
            for (i = 1; i <= news; i++) {
                split(new[i], field, " ")
                if ((field[1], field[2]) in before) continue
                name = field[1]; sub(/[.][^.]*$/, "", name)
                print "package", name, gone[field[1]], field[2]
                delete gone[field[1]]
            }
            for (package in gone) if (gone[package] != "") {
                name = package; sub(/[.][^.]*$/, "", name)
                print "package", name, gone[package], ""
            }
        }
    ' "$1" "$2"
}

# satisfied MEND: whether each installed package has what it requires; says what does not, and MEND.
satisfied() {
    # shellcheck disable=SC2154
    rpm --root "$root" -Va --nofiles --nodigest >"$work/verify" 2>&1 || true
    grep -i 'unsatisfied\|is needed by' "$work/verify" >&2 || return 0
    say "$1"
    return 1
}
