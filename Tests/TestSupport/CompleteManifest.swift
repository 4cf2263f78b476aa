// A manifest that leaves nothing out.

/// Every key that there is, of a plugin "apt".
public let completeManifest = """
    name = "apt"
    description = "Debian packages"
    executable = "apt"
    version = "1.0"
    applicable_if = ["apt-get"]
    run_as = "root"
    sudo_programs = ["/usr/bin/apt-get"]
    separate_download = true
    estimate = true
    self_update = false
    requires = ["base"]
    after = ["snap"]
    conflicts = ["dnf"]
    protected_phases = ["execute"]
    stop = { execute = "INT" }
    dry_run = true
    dynamic = ["mutexes"]
    environment = { DEBIAN_FRONTEND = "noninteractive", LEVEL = 3 }
    directory = "tmp"
    timeouts = { is_applicable = "5s", estimate_update = "2m", download = "30m", update = "1h30m" }
    [mutexes]
    estimate_update = ["pkgmgr:apt"]
    download = ["pkgmgr:apt", "network:download=2"]
    update = ["pkgmgr:dpkg", "PkgMgr:APT"]
    [free]
    update = ["system:reboot"]
    [locks]
    update = ["/var/lib/dpkg/lock-frontend"]
    [demand]
    download = { memory = "1.5G" }
    update = { cpus = 1.0, memory = "300M" }
    [capabilities.update]
    cap_sys_admin = "mounts"
    NET_ADMIN = "routes"
    [settings]
    dist_upgrade = false
    level = 2
    mode = "safe"
    """
