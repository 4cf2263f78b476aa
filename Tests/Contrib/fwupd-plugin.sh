#!/bin/sh
# Runs contrib/plugins/fwupd against what the real fwupdmgr once answered about fwupd's test device;
# recorded/fwupd-*.txt say how it was recorded. Needs python3.
plugin_name=fwupd
# shellcheck source=support/tap.sh
. "${0%/*}/support/tap.sh"
replay fwupdmgr fwupd-check.txt
claim_common_answers
ask estimate-update
claim 'an estimate names the device with old and new version' \
    json "$status == 0 and answer['packages_to_update'] == [{'name': 'Integrated Webcam™', 'current_version': '1.2.2',
        'new_version': '1.2.4'}]"
ask update --dry-run
claim 'a dry run lists it' grep -qx 'Integrated Webcam™ 1.2.2 -> 1.2.4' "$top/out"
ask update
claim 'an update says it and installs nothing' \
    json "$status == 0 and packages == {} and result['held'] == ['Integrated Webcam™']"
claim 'and says what would install it' grep -q 'apply = true' "$top/err"
claim 'metadata that cannot be refreshed are said, and no failure' grep -q 'metadata could not be refreshed' "$top/err"
claim 'fwupdmgr was not told to update' [ "$(grep -c '^update' "$top/fwupdmgr.txt.calls")" = 0 ]

replay fwupdmgr fwupd-apply.txt
settings=UPDATE_ALL_FWUPD_APPLY=true
ask update
claim 'with apply = true it installs, and the result has the version that was reached' \
    json "$status == 0 and packages == {'Integrated Webcam™': ('1.2.2', '1.2.3')} and result['reboot_required'] is False"
claim 'its steps are reported' json '[e for e in events if e.get("message") == "Writing…: 3%"]'
sed -i 's/"can-verify",/"needs-reboot",/' "$top/fwupdmgr.txt"
rm "$top/fwupdmgr.txt.calls"
ask update
claim 'a device that needs it asks for a reboot' json 'result["reboot_required"] is True'
sed -i '/^\$ update/,/^= /s/^= 0/= 1/' "$top/fwupdmgr.txt"
rm "$top/fwupdmgr.txt.calls"
ask update
claim 'a failure of fwupdmgr is one of the plugin, with a result' json "$status == 1 and result"
sed -i '/^\$ get-updates/,/^= /{/^\$/!d}' "$top/fwupdmgr.txt"
rm "$top/fwupdmgr.txt.calls"
ask estimate-update
claim 'metadata that know of no update prove nothing' is "$status" 2
finish
