package bootloader

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	one = "/nix/store/11111111111111111111111111111111-nixos-system-web-1"
	two = "/nix/store/22222222222222222222222222222222-nixos-system-web-2"
)

// sd is an entry as systemd-boot-builder writes it.
func sd(generation, system string) string {
	return "title NixOS\nsort-key nixos\nversion Generation " + generation + " NixOS 25.05, built on 2026-01-01\nlinux /EFI/nixos/k.efi\ninitrd /EFI/nixos/i.efi\noptions init=" + system + "/init loglevel=4\nmachine-id 0123\n"
}

// grubConf is what install-grub.pl writes, shortened.
func grubConf(choice string) string {
	return `if [ -s $prefix/grubenv ]; then
  load_env
fi
if [ "${next_entry}" ]; then
  set default="${next_entry}"
  set next_entry=
  save_env next_entry
  set timeout=1
  set boot_once=true
else
  set default=` + choice + `
  set timeout=5
fi
if [ "${grub_platform}" = "efi" ]; then
  insmod gop
fi
menuentry "NixOS - Default" --class nixos --unrestricted {
  search --set=drive1 --fs-uuid 0
  linux ($drive1)/nix/store/k/bzImage init=` + two + `/init loglevel=4
  initrd ($drive1)/nix/store/i/initrd
}
submenu "NixOS - All configurations" --class submenu {
menuentry "NixOS - Configuration 2" --class nixos {
  linux ($drive1)/nix/store/k/bzImage init=` + two + `/init
}
menuentry "NixOS - Configuration 1" --class nixos {
  linux ($drive1)/nix/store/k/bzImage init=` + one + `/init
}
}
menuentry "Other" {
  chainloader +1
}
`
}

const vendor = "-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"

func efi(s string) string {
	return "\x07\x00\x00\x00" + strings.Join(strings.Split(s, ""), "\x00") + "\x00\x00\x00"
}

func TestDefault(t *testing.T) {
	both := map[string]string{
		"boot/loader/entries/nixos-generation-9.conf":  sd("9", one),
		"boot/loader/entries/nixos-generation-10.conf": sd("10", two),
	}
	for name, c := range map[string]struct {
		files map[string]string
		plus  map[string]string
		want  string
	}{
		"no files":                   {want: None},
		"an empty mount point":       {files: map[string]string{"boot/efi/": ""}, want: None},
		"another boot loader":        {files: map[string]string{"boot/limine/limine.conf": "x"}, want: Unknown},
		"by name":                    {files: both, plus: map[string]string{"boot/loader/loader.conf": "timeout 5\ndefault nixos-generation-9.conf\nconsole-mode keep\n"}, want: one},
		"by a name without suffix":   {files: both, plus: map[string]string{"boot/loader/loader.conf": "default nixos-generation-9\n"}, want: one},
		"by a pattern":               {files: both, plus: map[string]string{"boot/loader/loader.conf": "default nixos-*\n"}, want: two},
		"no default, as deploy-rs":   {files: both, plus: map[string]string{"boot/loader/loader.conf": "timeout 5\n"}, want: two},
		"no such entry":              {files: both, plus: map[string]string{"boot/loader/loader.conf": "default nixos-generation-3.conf\n"}, want: two},
		"the one that booted last":   {files: both, plus: map[string]string{"boot/loader/loader.conf": "default @saved\n"}, want: Unknown},
		"the ESP elsewhere":          {files: both, plus: map[string]string{"efi/loader/loader.conf": "default nixos-generation-10.conf\n"}, want: two},
		"two of systemd-boot's":      {files: both, plus: map[string]string{"efi/loader/loader.conf": "", "boot/loader/loader.conf": ""}, want: Unknown},
		"chosen at the menu":         {files: both, plus: map[string]string{"boot/loader/loader.conf": "default nixos-generation-10.conf\n", "sys/firmware/efi/efivars/LoaderEntryDefault" + vendor: efi("nixos-generation-9.conf")}, want: one},
		"another one, once":          {files: both, plus: map[string]string{"boot/loader/loader.conf": "default nixos-generation-10.conf\n", "sys/firmware/efi/efivars/LoaderEntryOneShot" + vendor: efi("x")}, want: Unknown},
		"unified images among them":  {files: both, plus: map[string]string{"boot/loader/loader.conf": "default nixos-*\n", "boot/EFI/Linux/nixos-generation-11-abc.efi": ""}, want: Unknown},
		"by name beside an image":    {files: both, plus: map[string]string{"boot/loader/loader.conf": "default nixos-generation-9.conf\n", "boot/EFI/Linux/x.efi": ""}, want: one},
		"by hash, counted":           {files: map[string]string{"boot/loader/loader.conf": "default nixos-abcd.conf\n", "boot/loader/entries/nixos-abcd+2-1.conf": sd("3", two)}, want: two},
		"counted down":               {files: map[string]string{"boot/loader/loader.conf": "default nixos-*\n", "boot/loader/entries/nixos-generation-4+0-3.conf": sd("4", two), "boot/loader/entries/nixos-generation-3.conf": sd("3", one)}, want: one},
		"a specialisation beside it": {files: map[string]string{"boot/loader/loader.conf": "", "boot/loader/entries/nixos-generation-4.conf": sd("4", two), "boot/loader/entries/nixos-generation-4-specialisation-x.conf": sd("4-x", one)}, want: two},
		"no NixOS":                   {files: map[string]string{"boot/loader/loader.conf": "default a.conf\n", "boot/loader/entries/a.conf": "options root=LABEL=root init=/sbin/init\n"}, want: Unknown},
		"grub":                       {files: map[string]string{"boot/grub/grub.cfg": grubConf("0")}, want: two},
		"grub, by title":             {files: map[string]string{"boot/grub/grub.cfg": grubConf(`"NixOS - Default"`)}, want: two},
		"grub, another system":       {files: map[string]string{"boot/grub/grub.cfg": grubConf("2")}, want: Unknown},
		"grub, in a submenu":         {files: map[string]string{"boot/grub/grub.cfg": grubConf(`"1>1"`)}, want: Unknown},
		"grub, nothing saved":        {files: map[string]string{"boot/grub/grub.cfg": grubConf(`"${saved_entry}"`)}, want: two},
		"grub, saved":                {files: map[string]string{"boot/grub/grub.cfg": grubConf(`"${saved_entry}"`), "boot/grub/grubenv": "# GRUB Environment Block\nsaved_entry=Other\n####"}, want: Unknown},
		"grub, another one, once":    {files: map[string]string{"boot/grub/grub.cfg": grubConf("0"), "boot/grub/grubenv": "next_entry=Other\n"}, want: Unknown},
		"grub beside systemd-boot":   {files: both, plus: map[string]string{"boot/loader/loader.conf": "default nixos-generation-9.conf\n", "boot/grub/grub.cfg": grubConf("0")}, want: Unknown},
		"both agree":                 {files: both, plus: map[string]string{"boot/loader/loader.conf": "default nixos-generation-10.conf\n", "boot/grub/grub.cfg": grubConf("0")}, want: two},
		"extlinux":                   {files: map[string]string{"boot/extlinux/extlinux.conf": "DEFAULT nixos-default\nMENU TITLE x\nTIMEOUT 50\n\nLABEL nixos-default\n  MENU LABEL NixOS - Default\n  LINUX ../nixos/k\n  APPEND init=" + two + "/init\n\nLABEL nixos-1-default\n  APPEND init=" + one + "/init\n"}, want: two},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			for _, files := range []map[string]string{c.files, c.plus} {
				for file, text := range files {
					file = filepath.Join(root, file) + strings.Repeat("/", strings.Count(file[len(file)-1:], "/"))
					if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
						t.Fatal(err)
					}
					if strings.HasSuffix(file, "/") {
						continue
					}
					if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
						t.Fatal(err)
					}
				}
			}
			if got := Default(root); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// The examples of the UAPI group's version format specification.
func TestCompareVersions(t *testing.T) {
	for _, order := range [][]string{
		{"122.1", "123~rc1-1", "123", "123-a", "123-a.1", "123-1", "123-1.1", "123^post1", "123.a-1", "123.1-1", "123a-1", "124-1"},
		{"nixos-generation-9.conf", "nixos-generation-10.conf"},
		{"Generation 12-x NixOS", "Generation 12 NixOS"},
	} {
		for i := range order[1:] {
			if compareVersions(order[i], order[i+1]) >= 0 || compareVersions(order[i+1], order[i]) <= 0 {
				t.Errorf("%s is not before %s", order[i], order[i+1])
			}
		}
		for _, v := range order {
			if compareVersions(v, v) != 0 {
				t.Errorf("%s is not itself", v)
			}
		}
	}
}

func TestFiles(t *testing.T) {
	root := t.TempDir()
	entry := filepath.Join(root, "boot/limine/limine.conf")
	write := func(text string) {
		if err := os.MkdirAll(filepath.Dir(entry), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(entry, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	none := Files(root)
	write("one")
	first := Files(root)
	if none == "" || first == "" || none == first || Files(root) != first {
		t.Errorf("without files %q, with one %q, then %q", none, first, Files(root))
	}
	if err := os.Symlink("limine", filepath.Join(root, "boot/default")); err != nil {
		t.Fatal(err)
	}
	if second := Files(root); second == first || second == "" {
		t.Errorf("a link more: %q", second)
	}
	write("three")
	if Files(root) == first {
		t.Error("another size is not seen")
	}
}
