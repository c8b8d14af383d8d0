package names_test

import (
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/mtibben/confusables"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
	"golang.org/x/text/unicode/norm"

	"umbrella/internal/names"
)

// People who gave CLDR the names of languages, in 200 languages, wrote every one of these:
// each is the name of a participant, and each word of letters that of a room.
func TestNamesOfCLDR(t *testing.T) {
	people, rooms, joiners, scripts := 0, 0, 0, map[string]bool{}
	seen := map[string]bool{}
	for _, in := range display.Supported.Tags() {
		for _, of := range display.Values.Tags() {
			name := display.Languages(in).Name(of)
			if name == "" || seen[name] || utf8.RuneCountInString(name) > names.MaxCharacters {
				continue
			}
			seen[name] = true
			people++
			is, err := names.Person(name)
			// Faults of CLDR: marks of direction and of byte order, an accent with no letter.
			if strings.ContainsAny(name, "\u200f\ufeff") || strings.HasPrefix(name, "\u0301") {
				if err == nil {
					t.Errorf("%+q is a name", name)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s calls %s %+q: %v", in, of, name, err)
				continue
			}
			if again, err := names.Person(is); err != nil || again != is {
				t.Errorf("%+q has no one spelling: %+q, %v", name, again, err)
			}
			if strings.ContainsAny(name, "\u200c\u200d") {
				joiners++
			}
			if !strings.ContainsFunc(name, func(r rune) bool {
				return unicode.In(r, unicode.P, unicode.S, unicode.Zs, unicode.No, unicode.Nl) || r == '\u200b'
			}) {
				rooms++
				is, err := names.Room(name)
				if errors.Is(err, names.ErrMixed) && strings.Contains(name, "ε") {
					continue // a Greek letter in a Latin word, where Latin has one of its own
				}
				if err != nil {
					t.Errorf("room %+q of %s: %v", name, in, err)
				} else if !names.IsRoom(is) {
					t.Errorf("room %+q has no one spelling: %+q", name, is)
				}
			}
		}
		for name, script := range unicode.Scripts {
			if strings.ContainsFunc(display.Languages(in).Name(in), func(r rune) bool { return unicode.Is(script, r) }) {
				scripts[name] = true
			}
		}
	}
	if people < 10000 || rooms < 5000 || joiners < 20 || len(scripts) < 20 {
		t.Errorf("%d names, %d of them of rooms, %d with joiners, in %d scripts: too few to mean anything", people, rooms, joiners, len(scripts))
	}
	for _, tag := range []language.Tag{language.Persian, language.Sinhala, language.Khmer, language.Mongolian} {
		if _, err := names.Person(display.Self.Name(tag)); err != nil {
			t.Errorf("%s: %v", tag, err)
		}
	}
}

// What people of many scripts, and people with emoji, call themselves.
func TestNamesOfPeople(t *testing.T) {
	for _, name := range []string{
		"Ada", "Zoë van der Berg", "O’Brien", "D'Angelo, Jr.", "José", "Nguyễn Thị Minh Khai", "Þór", "Łukasz", "Ħamrun", "ʻAkahi", "ǃXam", "Jean-Luc",
		"Παύλος", "Юлія", "Ӏалам", "Անի", "ნინო", "שלמה", "ג׳ורג׳", "צה״ל", "محمد", "علی\u200cرضا", "می\u200cخواهم", "آقا\u200cزاده", "ܝܘܚܢܢ", "ދިވެހި", "ߒߞߏ",
		"श्रीमती", "क्\u200dष", "রহিম", "র\u200d্যাব", "ਗੁਰਪ੍ਰੀਤ", "ગીતા", "ଶ୍ରୀ", "தமிழ்", "శ్రీ", "ಕನ್ನಡ", "മലയാളം", "ന്\u200d", "ශ්\u200dරී ලංකා", "ක්\u200dෂ",
		"สมชาย", "ລາວ", "བསྟན་འཛིན་", "မြန်မာ", "ខ្មែរ", "ᜋᜄᜈ᜔ᜇ", "ᠮᠣᠩᠭᠣᠯ", "አበበ", "ᏣᎳᎩ", "ᐃᓄᒃᑎᑐᑦ", "ⵜⴰⵎⴰⵣⵉⵖⵜ", "𞤀𞤣𞤤𞤢𞤥", "ⲕⲏⲙⲉ", "ꆈꌠ",
		"山田　太郎", "葛󠄀城", "辻︀", "김민준", "さくら", "ﾀﾞｲｷ", "𠮷野家", "ㄅㄆㄇ",
		"👩 Ada", "👨\u200d👩\u200d👧\u200d👦", "👩🏽\u200d💻", "🏳️\u200d🌈", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "❤️\u200d🔥", "🧔🏻\u200d♀️", "🇮🇷", "1️⃣", "☕", "🫩", "🙂\u200d↔️", "♥", "(Ada)", "R2-D2 ½",
	} {
		is, err := names.Person(name)
		if err != nil {
			t.Errorf("%q (%+q): %v", name, name, err)
		}
		if strings.ContainsRune(name, '\u200d') != strings.ContainsRune(is, '\u200d') {
			t.Errorf("%+q lost its joiner: %+q", name, is)
		}
	}
}

// Names that would hide something are turned down.
func TestNamesTurnedDown(t *testing.T) {
	for _, c := range []struct {
		name string
		why  error
	}{
		{"", names.ErrEmpty}, {" \t\u00a0\u3000", names.ErrEmpty},
		{strings.Repeat("é", 65), names.ErrLong}, {strings.Repeat("x", 5000), names.ErrLong},
		{"a\u0007b", names.ErrInvisible}, {"a\nb", names.ErrInvisible}, {"a\u200bb", names.ErrInvisible}, {"a\u00adb", names.ErrInvisible},
		{"Ada\u202eadA", names.ErrInvisible}, {"\u2066Ada\u2069", names.ErrInvisible}, {"Ada\u200e", names.ErrInvisible}, {"Ada\u061c", names.ErrInvisible},
		{"A\u200dda", names.ErrInvisible}, {"Ad\u200ca", names.ErrInvisible}, {"Ada\u200d", names.ErrInvisible}, {"\u200dAda", names.ErrInvisible}, {"\u200c", names.ErrInvisible},
		{"👩\u200dA", names.ErrInvisible}, {"A\u200d👩", names.ErrInvisible}, {"山\u200c田", names.ErrInvisible}, {"a\u200c ب", names.ErrInvisible},
		{"Ada\u2800", names.ErrInvisible}, {"Ada\u3164", names.ErrInvisible}, {"\uffa0", names.ErrInvisible}, {"A\u034fda", names.ErrInvisible}, {"Ada\ufe0f", names.ErrInvisible}, {"Ada\U000e0100", names.ErrInvisible},
		{"Ada\U000e0041\U000e007f", names.ErrInvisible}, {"\U0001f3f4\U000e0067\U000e0062", names.ErrInvisible}, {"a\ue000b", names.ErrInvisible}, {"a\ufffdb", names.ErrInvisible},
		{"a\xffb", names.ErrInvisible}, {"\ufeffAda", names.ErrInvisible}, {"a\u2028b", names.ErrInvisible}, {"a\U000fffffb", names.ErrInvisible}, {"a\u0378b", names.ErrInvisible},
		{"\u0301da", names.ErrMarks}, {"A" + strings.Repeat("\u0310", 9), names.ErrMarks},
	} {
		if is, err := names.Person(c.name); !errors.Is(err, c.why) {
			t.Errorf("%+q: %+q, %v; want %v", c.name, is, err, c.why)
		}
	}
}

// A name has one spelling, however it is typed.
func TestOneSpelling(t *testing.T) {
	for typed, want := range map[string]string{
		"Zoe\u0308": "Zoë", "  Ada \t Lovelace ": "Ada Lovelace", "山田\u3000太郎": "山田 太郎", "a\u00a0b": "a b",
		"علی\u200c": "علی", "علی\u200c\u200cرضا": "علی\u200cرضا", "علی\u200c رضا": "علی رضا",
		"ខ្មែរ\u200bខ្មែរ": "ខ្មែរខ្មែរ", "\u1112\u1161\u11ab": "한", "½": "½",
	} {
		if is, err := names.Person(typed); err != nil || is != want {
			t.Errorf("person %+q: %+q, %v", typed, is, err)
		}
	}
	for typed, want := range map[string]string{
		"lounge": "lounge", "Lounge": "Lounge", "Ku\u0308che": "Küche", "ＡＢＣ": "ABC", "ｷｯﾁﾝ": "キッチン", "ﬁsh": "fish", "K\u2060": "",
		"\u1112\u1161\u11ab": "한",
	} {
		is, err := names.Room(typed)
		if (err == nil) != (want != "") || is != want {
			t.Errorf("room %+q: %+q, %v", typed, is, err)
		}
	}
}

// Rooms have names of letters and digits of any script.
func TestNamesOfRooms(t *testing.T) {
	for _, name := range []string{
		"a", "A-b_c.9", strings.Repeat("r", 64), "küche", "кухня", "Зал-A", "סלון", "ג׳ונגל", "آشپز\u200cخانه", "مطبخ", "रसोई", "ශ්\u200dරී", "ห้องครัว", "キッチン", "居間・台所", "부엌", "厨房",
		"ချက်ပြုတ်ခန်း", "kjøkken", "sal·la", "ໂຕະ", "Φ-lab", "ኩሽና", strings.Repeat("字", 64), strings.Repeat("𞤀", 64), "٣-غرفة",
	} {
		if is, err := names.Room(name); err != nil || is != norm.NFKC.String(name) {
			t.Errorf("%q: %q, %v", name, is, err)
		}
	}
	for _, name := range []string{
		"", ".a", "a b", "a/b", "a%20b", "a?b", "a#b", "a\x00b", "a\u200bb", "a\u202eb", "a\u200db", "a\ufe0f", "🏠", "a\u00a0b", "\u0301a", "a:b", "a'b", "½", "\u3164", "*", "a@b", "·l", "a·b",
		strings.Repeat("r", 65), strings.Repeat("字", 65), "a\xff", "a\u2044b", "ﷺ", "a" + strings.Repeat("\u0310", 9),
	} {
		if is, err := names.Room(name); !errors.Is(err, names.ErrRoom) {
			t.Errorf("%+q: %+q, %v", name, is, err)
		}
	}
	for _, name := range []string{"lоunge", "pаypal", "кухнya", "Αthens", "x-сafe"} {
		if is, err := names.Room(name); !errors.Is(err, names.ErrMixed) {
			t.Errorf("%+q: %+q, %v", name, is, err)
		}
	}
}

// Names that look the same are known to.
func TestAlike(t *testing.T) {
	for _, c := range []struct{ a, b string }{
		{"Ada", "Аda"}, {"Ada", "ADA"}, {"Ada", "A da"}, {"Ada", "𝐀𝐝𝐚"}, {"Ada", "Ａｄａ"}, {"paypal", "раураl"}, {"scope", "ѕсоре"}, {"Ilya", "llya"}, {"Bernd", "Bemd"},
		{"Zoë", "Zoe\u0308"}, {"علی\u200cرضا", "علیرضا"}, {"Bob", "B0b"}, {"João", "Joᾶo"}, {"👩\u200d💻", "👩💻"}, {"Ada", "Ada"}, {"O’Brien", "O'Brien"}, {"Σίσυφος", "ΣΊΣΥΦΟΣ"},
	} {
		if !names.LookOf(c.a).Like(names.LookOf(c.b)) {
			t.Errorf("%q and %q: %q, %q", c.a, c.b, names.Skeleton(c.a), names.Skeleton(c.b))
		}
	}
	for _, c := range []struct{ a, b string }{{"Ada", "Eda"}, {"Ada", "Ada (2)"}, {"Zoe", "Zoë"}, {"山田", "田山"}, {"علی", "رضا"}, {"Player 1", "Player 2"}} {
		if names.LookOf(c.a).Like(names.LookOf(c.b)) {
			t.Errorf("%q and %q look the same: %q, %q", c.a, c.b, names.Skeleton(c.a), names.Skeleton(c.b))
		}
	}
	for _, c := range []struct {
		a, b  string
		alike bool
	}{{"соре", "cope", true}, {"room1", "rooml", false}, {"lounge", "lounge", false}, {"kuche", "küche", false}, {"ο", "o", true}, {"台所", "台所", false}} {
		if names.RoomsAlike(c.a, c.b) != c.alike {
			t.Errorf("rooms %q and %q", c.a, c.b)
		}
	}
}

// Every pair of characters that Unicode's table calls alike is alike here.
func TestSkeletonKnowsUnicodesTable(t *testing.T) {
	pairs := 0
	for r := rune(0x80); r <= unicode.MaxRune; r++ {
		s := string(r)
		// A compatibility form counts as what it stands for, whatever it looks like.
		if !utf8.ValidRune(r) || confusables.Skeleton(s) == norm.NFD.String(s) || norm.NFKD.String(s) != norm.NFD.String(s) {
			continue
		}
		pairs++
		if p := confusables.Skeleton(s); names.Skeleton(s) != names.Skeleton(p) {
			t.Errorf("%+q and %+q: %+q, %+q", s, p, names.Skeleton(s), names.Skeleton(p))
		}
	}
	if pairs < 2500 {
		t.Errorf("%d pairs", pairs)
	}
}

// Whatever comes in, what comes out is a name, bounded, and its own spelling.
func FuzzNames(f *testing.F) {
	for _, s := range []string{"Ada", "علی\u200cرضا", "👨\u200d👩\u200d👧\u200d👦", "ශ්\u200dරී", "a\u0301\u0301", "ﷺ", "\xff", "ក្\u200bក"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		_ = names.Skeleton(s)
		if is, err := names.Person(s); err == nil {
			if again, err := names.Person(is); err != nil || again != is || len(is) > names.MaxBytes {
				t.Fatalf("person %+q: %+q, then %+q, %v", s, is, again, err)
			}
		}
		if is, err := names.Room(s); err == nil && (!names.IsRoom(is) || len(is) > names.MaxBytes || strings.ContainsAny(is, "/ %?#@*")) {
			t.Fatalf("room %+q: %+q", s, is)
		}
	})
}
