# containers.sh - what the plugins for images of docker and podman have in common: both take the same commands. Not
# executable, so that it is no plugin itself. A plugin sources it after common.sh, sets $tool to its program, and defines
# `is_not_ours IMAGE`.
#
# Nothing is restarted: a container goes on with the image that it was made from until somebody makes it anew.
# shellcheck shell=sh
tool=
images=used
prune=false

# Prints the tags to pull, sorted: those that a container was made from, running or not, or all that there are. A name
# with a digest cannot have a newer image, nor an image without a name.
list_tags() {
    if [ "$images" = all ]; then
        "$tool" image ls --format '{{.Repository}}:{{.Tag}}'
    else
        # A list would show the image's id once its tag is that of a newer one.
        # shellcheck disable=SC2046
        set -- $("$tool" container ls --all --quiet)
        [ $# -eq 0 ] || "$tool" container inspect --format '{{.Config.Image}}' "$@"
    fi >"${work:?}/names" || return
    sort -u "$work/names" | while IFS= read -r name; do
        case $name in
            *@* | '<none>'* | *':<none>') continue ;;
        esac
        # Of an image that was made here, or has lost its tag to a newer one, the name says nothing to a registry.
        [ -n "$(image_of "$name")" ] || continue
        is_not_ours "$name" || printf '%s\n' "$name"
    done
}

# image_of TAG: the id of its image, or nothing.
image_of() { "$tool" image inspect --format '{{.Id}}' "$1" 2>/dev/null || true; }

# short ID: prints twelve digits of it, as the tools do.
short() {
    id=${1#sha256:}
    printf '%.12s' "$id"
}

# A registry tells what is new only to who pulls; so there is nothing to estimate, but where nothing is to be pulled.
estimate() {
    if ! list_tags >"$work/tags"; then
        say "$tool cannot list its images; its words are above"
        exit 2
    fi
    [ ! -s "$work/tags" ] || exit 2
    : >"$work/changes"
    answer_estimate "$work/changes"
}

dry_run() { list_tags | sed 's/$/ would be pulled/'; }

# `Copying blob …` and `<layer>: Pull complete` are the only words of a pull that say how far it is.
relay() {
    while IFS= read -r line; do
        printf '%s\n' "$line"
        case $line in
            *': Pull complete' | *': Download complete' | 'Copying '* | 'Writing manifest'*)
                progress_of_items execute "$done" "$total" "$tag" "$tag: $line"
                ;;
        esac
    done
}

update() {
    list_tags >"$work/tags"
    total=$(wc -l <"$work/tags") done=0 code=0
    : >"$work/changes"
    while IFS= read -r tag <&3; do
        before=$(image_of "$tag")
        progress_of_items execute "$done" "$total" "$tag" "Pulling $tag"
        # One that cannot be pulled does not keep back the others.
        if filtered relay "$tool" pull "$tag"; then
            after=$(image_of "$tag")
            [ "$before" = "$after" ] ||
                printf 'package\t%s\t%s\t%s\n' "$tag" "$(short "$before")" "$(short "$after")" >>"$work/changes"
        else
            code=1
            say "'$tag' could not be pulled; its image is the one of before"
        fi
        done=$((done + 1))
    done 3<"$work/tags"
    # Only what has neither a tag nor a container any more.
    [ "$prune" != true ] || "$tool" image prune --force || code=1
    result "$work/changes"
    return "$code"
}

validate() {
    "$tool" image ls >/dev/null || {
        say "$tool does not answer; its words are above"
        return 1
    }
}
