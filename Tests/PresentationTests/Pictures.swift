// The example run as it is shown at 80, 40 and 200 columns, without colours.

enum Pictures {
    /// `update-all plan`.
    static let plan: [Int: String] = [
        80: """
        Plan for db7 (policy shared-server: memory ≤ 4.0 GiB, CPU idle-class, 3 steps at
        a time, 2 downloads)
        4 plugins, 7 steps, 412 MB to fetch. Expected 5 min 12 s.

        start  step                 takes  as     memory        waits for
         0:00  apt/download        1m 00s  root   ≤ 768 MiB
         0:00  pipx/download         12 s  alice  ≤ 512 MiB
         0:12  flatpak/download    1m 40s  root   ≤ 768 MiB     a download slot
         1:00  apt/execute      ⛨  2m 30s  root   high 768 MiB  apt/download
         1:52  flatpak/execute  ⛨    55 s  root   high 768 MiB  flatpak/download
         3:30  pipx/execute          40 s  alice  ≤ 512 MiB     apt/execute (requires)
         4:10  reports/execute     1m 02s  alice  ≤ 256 MiB     pipx/execute (requires)

        Critical path: apt/download → apt/execute → pipx/execute → reports/execute
        Not in the plan: snap (not applicable: snapd is not running), git (up to date)
        ⛨ commit: never killed or frozen. Not enforced here: I/O caps for / (overlay has
        no disk of its own).
        """,
        40: """
        Plan for db7 (policy shared-server:
        memory ≤ 4.0 GiB, CPU idle-class, 3
        steps at a time, 2 downloads)
        4 plugins, 7 steps, 412 MB to fetch.
        Expected 5 min 12 s.

        start  step                 takes
         0:00  apt/download        1m 00s
         0:00  pipx/download         12 s
         0:12  flatpak/download    1m 40s
         1:00  apt/execute      ⛨  2m 30s
         1:52  flatpak/execute  ⛨    55 s
         3:30  pipx/execute          40 s
         4:10  reports/execute     1m 02s

        Critical path: apt/download →
        apt/execute → pipx/execute →
        reports/execute
        Not in the plan: snap (not applicable:
        snapd is not running), git (up to date)
        ⛨ commit: never killed or frozen. Not
        enforced here: I/O caps for / (overlay
        has no disk of its own).
        """,
        200: """
        Plan for db7 (policy shared-server: memory ≤ 4.0 GiB, CPU idle-class, 3 steps at a time, 2 downloads)
        4 plugins, 7 steps, 412 MB to fetch. Expected 5 min 12 s.

          start   step                 expected   as      memory         waits for                 mutexes
           0:00   apt/download           1m 00s   root    ≤ 768 MiB                                pkgmgr:apt
           0:00   pipx/download            12 s   alice   ≤ 512 MiB                                pkgmgr:pipx
           0:12   flatpak/download       1m 40s   root    ≤ 768 MiB      a download slot           pkgmgr:flatpak
           1:00   apt/execute      ⛨     2m 30s   root    high 768 MiB   apt/download              pkgmgr:apt pkgmgr:dpkg
           1:52   flatpak/execute  ⛨       55 s   root    high 768 MiB   flatpak/download          pkgmgr:flatpak
           3:30   pipx/execute             40 s   alice   ≤ 512 MiB      apt/execute (requires)    pkgmgr:pipx
           4:10   reports/execute        1m 02s   alice   ≤ 256 MiB      pipx/execute (requires)

        Critical path: apt/download → apt/execute → pipx/execute → reports/execute
        Not in the plan: snap (not applicable: snapd is not running), git (up to date)
        ⛨ commit: never killed or frozen. Not enforced here: I/O caps for / (overlay has no disk of its own).
        """,
    ]

    /// At 2:07: permanent lines, then the live region.
    static let run: [Int: String] = [
        80: """
        ✓ pipx/download       11 s    12 MB
        ✓ apt/download        58 s   302 MB
        ────────────────────────────────────────────────────────────────────────────────
         update-all  2/7 steps  ━━━━━━━━━━━━╸                    41 %  2:07, ~3:31 left
           flatpak/download   ━━━━━━━━━━━━━━━━━         71 %  84/118 MB  9.1 MB/s
             Downloading org.gnome.Platform/x86_64/48
         ⛨ apt/execute        ━━━━━━━━━                 38 %  cpu 12 %  mem 212/768 MiB
             Unpacking libssl3 (3.0.17-1~deb12u3) over (3.0.16-1~deb12u1) ...
         ◌ flatpak/execute    waits for its download
         ◌ pipx/execute       waits for apt/execute
         ◌ reports/execute    waits for pipx/execute
        """,
        40: """
        ✓ pipx/download       11 s    12 MB
        ✓ apt/download        58 s   302 MB
        ────────────────────────────────────────
         2/7 ━━━━━━━            41 % 2:07 ~3:31
           flatpak/download  ━━━━━━━━━      71 %
             Downloading org.gnome.Platform/x86…
         ⛨ apt/execute       ━━━━╸          38 %
             Unpacking libssl3 (3.0.17-1~deb12u…
         ◌ flatpak/execute   waits for its down…
         ◌ pipx/execute      waits for apt/exec…
         ◌ reports/execute   waits for pipx/exe…
        """,
        200: """
        ✓ pipx/download       11 s    12 MB
        ✓ apt/download        58 s   302 MB
        ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
         update-all  2/7 steps  ━━━━━━━━━━━━━━━━━━━━━━━━━                                     41 %  2:07, ~3:31 left
           flatpak/download   ━━━━━━━━━━━━━━━━━━━━━           71 %  84/118 MB  9.1 MB/s    cpu 104 %  mem 96/768 MiB
             Downloading org.gnome.Platform/x86_64/48
         ⛨ apt/execute        ━━━━━━━━━━━                     38 %  16/42                  cpu 12 %  mem 212/768 MiB
             Unpacking libssl3 (3.0.17-1~deb12u3) over (3.0.16-1~deb12u1) ...
         ◌ flatpak/execute    waits for its download
         ◌ pipx/execute       waits for apt/execute
         ◌ reports/execute    waits for pipx/execute
        """,
    ]

    /// The summary.
    static let end: [Int: String] = [
        80: """
        update-all finished in 4 min 13 s: 2 succeeded, 1 failed, 1 not run, 1 up to
        date
          ✓ apt        42 packages updated, 2 held back (linux-image-amd64, grub-pc).
                       Restart: nginx, postgresql
          ✓ flatpak    3 packages updated
          ✗ pipx       failed: exit 1 after 38 s: "No matching distribution found for
                       ansible-core==2.99"
                       │ upgrading ansible-core...
                       │ ERROR: Could not find a version that satisfies the requirement…
                       │ No matching distribution found for ansible-core==2.99
                       log: update-all logs pipx
          ⊘ reports    not run: requires pipx
        The machine needs a restart (apt). Memory peak 1.1 GiB.
        Not enforced here: I/O caps for / (overlay has no disk of its own).
        """,
        40: """
        update-all finished in 4 min 13 s: 2
        succeeded, 1 failed, 1 not run, 1 up to
        date
          ✓ apt        42 packages updated, 2
                       held back
                       (linux-image-amd64,
                       grub-pc). Restart: nginx,
                       postgresql
          ✓ flatpak    3 packages updated
          ✗ pipx       failed: exit 1 after 38
                       s: "No matching
                       distribution found for
                       ansible-core==2.99"
                       │ upgrading ansible-core…
                       │ ERROR: Could not find …
                       │ No matching distributi…
                       log: update-all logs pipx
          ⊘ reports    not run: requires pipx
        The machine needs a restart (apt).
        Memory peak 1.1 GiB.
        Not enforced here: I/O caps for /
        (overlay has no disk of its own).
        """,
        200: """
        update-all finished in 4 min 13 s: 2 succeeded, 1 failed, 1 not run, 1 up to date
          ✓ apt        42 packages updated, 2 held back (linux-image-amd64, grub-pc). Restart: nginx, postgresql
          ✓ flatpak    3 packages updated
          ✗ pipx       failed: exit 1 after 38 s: "No matching distribution found for ansible-core==2.99"
                       │ upgrading ansible-core...
                       │ ERROR: Could not find a version that satisfies the requirement ansible-core==2.99
                       │ No matching distribution found for ansible-core==2.99
                       log: update-all logs pipx
          ⊘ reports    not run: requires pipx
        The machine needs a restart (apt). Memory peak 1.1 GiB.
        Not enforced here: I/O caps for / (overlay has no disk of its own).
        """,
    ]
}
