// mirror - keeps a directory a copy of another one, by the list of checksums that stands there.
//
// The same plugin as ../sh/mirror, as one program without anything that it needs beside it: go build mirror.go
// Settings, by environment:
//
//	UPDATE_ALL_MIRROR_SOURCE   a directory with files and their SHA256SUMS, as sha256sum(1) writes it
//	UPDATE_ALL_MIRROR_TARGET   the directory to keep up to date; it is made
//
// Files that the list no longer names are kept. mirror.toml answers what is not asked here.
package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

var (
	source = os.Getenv("UPDATE_ALL_MIRROR_SOURCE")
	target = os.Getenv("UPDATE_ALL_MIRROR_TARGET")
	// What download leaves for update cannot be in TMPDIR, which goes with each command. Beside the files it is on the
	// same file system, so that rename(2) puts each in its place at once.
	staging = filepath.Join(target, ".mirror-new")
	list    = filepath.Join(staging, ".list")
)

// A line of the list. It is somebody else's: a name that could leave the directory is no file here.
var entry = regexp.MustCompile(`^([0-9a-f]{64}) [ *]([A-Za-z0-9_+-][A-Za-z0-9._+-]*)$`)

// file is one that is to be fetched.
type file struct {
	Name string
	New  string
	Old  string // empty where there was none
	Size int64
}

type members map[string]any

// event tells update-all of it; standard error is not buffered.
func event(m members) {
	text, _ := json.Marshal(m) // strings and numbers can always be encoded
	fmt.Fprintf(os.Stderr, "PROGRESS:%s\n", text)
}

// checksum is empty where there is no such file.
func checksum(path string) (string, error) {
	opened, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	} else if err != nil {
		return "", err
	}
	defer opened.Close()
	digest := sha256.New()
	if _, err := io.Copy(digest, opened); err != nil {
		return "", err
	}
	return hex.EncodeToString(digest.Sum(nil)), nil
}

// outdated finds the files that are to be fetched.
func outdated() ([]file, error) {
	index := filepath.Join(source, "SHA256SUMS")
	opened, err := os.Open(index)
	if err != nil {
		return nil, fmt.Errorf("%w: is \"source\" in [settings] right?", err)
	}
	defer opened.Close()
	var files []file
	lines := bufio.NewScanner(opened)
	for lines.Scan() {
		match := entry.FindStringSubmatch(lines.Text())
		if match == nil {
			return nil, fmt.Errorf("%q in %s is not a checksum with the name of a file", lines.Text(), index)
		}
		found := file{New: match[1], Name: match[2]}
		if found.Old, err = checksum(filepath.Join(target, found.Name)); err != nil {
			return nil, err
		}
		if found.Old == found.New {
			continue
		}
		status, err := os.Stat(filepath.Join(source, found.Name))
		if err != nil {
			return nil, err
		}
		found.Size = status.Size()
		files = append(files, found)
	}
	return files, lines.Err()
}

// packages has the beginning of a checksum as a version that people can tell from another; a new file has no old one.
func packages(files []file, oldKey, newKey string) []members {
	all := []members{} // not nil, which would be null
	for _, f := range files {
		one := members{"name": f.Name, newKey: f.New[:10], "download_size_bytes": f.Size}
		if f.Old != "" {
			one[oldKey] = f.Old[:10]
		}
		all = append(all, one)
	}
	return all
}

func estimate() error {
	files, err := outdated()
	if err != nil {
		return err
	}
	data := members{
		"applicable": len(files) > 0, "packages_to_update": packages(files, "current_version", "new_version"),
	}
	return json.NewEncoder(os.Stdout).Encode(members{"status": "success", "data": data})
}

// meter reports how far a download is, each MiB and at the end.
type meter struct {
	name              string
	done, total, told int64
}

func (m *meter) Write(piece []byte) (int, error) {
	m.done += int64(len(piece))
	if m.done-m.told < 1<<20 && m.done < m.total {
		return len(piece), nil
	}
	m.told = m.done
	event(members{"message": m.name, "bytes_downloaded": m.done, "bytes_total": m.total})
	return len(piece), nil
}

func fetch(f file, progress *meter) error {
	from := filepath.Join(source, f.Name)
	reader, err := os.Open(from)
	if err != nil {
		return err
	}
	defer reader.Close()
	writer, err := os.Create(filepath.Join(staging, f.Name))
	if err != nil {
		return err
	}
	progress.name = f.Name
	digest := sha256.New()
	_, err = io.Copy(io.MultiWriter(writer, digest, progress), reader)
	if closing := writer.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return err
	}
	if hex.EncodeToString(digest.Sum(nil)) != f.New {
		return fmt.Errorf("%s is not what SHA256SUMS says: try again later", from)
	}
	return nil
}

func download() error {
	files, err := outdated()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(staging, 0o755); err != nil {
		return err
	}
	var progress meter
	for _, f := range files {
		progress.total += f.Size
	}
	for _, f := range files {
		if err := fetch(f, &progress); err != nil {
			return err
		}
	}
	text, err := json.Marshal(files)
	if err != nil {
		return err
	}
	return os.WriteFile(list, text, 0o644)
}

// update is a protected phase: it is never killed, so that the files fit each other in the end. It does little and asks
// nobody: what there is to do was found out by download.
func update() error {
	text, err := os.ReadFile(list)
	if err != nil {
		return err
	}
	var files []file
	if err := json.Unmarshal(text, &files); err != nil {
		return fmt.Errorf("%s: %w", list, err)
	}
	for index, f := range files {
		fetched := filepath.Join(staging, f.Name)
		if sum, err := checksum(fetched); err != nil {
			return err
		} else if sum != f.New {
			return fmt.Errorf("%s is not what was downloaded: run it once more", fetched)
		}
		if err := os.Rename(fetched, filepath.Join(target, f.Name)); err != nil {
			return err
		}
		fmt.Println(f.Name, "is up to date")
		event(members{"message": f.Name, "items_completed": index + 1, "items_total": len(files)})
	}
	event(members{"type": "result", "packages": packages(files, "from", "to")})
	return os.RemoveAll(staging)
}

func dryRun() error {
	files, err := outdated()
	for _, f := range files {
		fmt.Printf("would replace %s (%d bytes)\n", f.Name, f.Size)
	}
	return err
}

func main() {
	var err error
	switch strings.Join(os.Args[1:], " ") {
	case "is-applicable":
		if source == "" || target == "" {
			os.Exit(1)
		}
	case "estimate-update":
		err = estimate()
	case "download":
		err = download()
	case "update":
		err = update()
	case "update --dry-run":
		err = dryRun()
	default:
		os.Exit(2) // a command that it does not know
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "mirror:", err)
		os.Exit(3) // 1 would say of estimate-update that the plugin does not apply here, and 2 that it does not know
	}
}
