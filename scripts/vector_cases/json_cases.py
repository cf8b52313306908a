"""Strict JSON: what is read and what is refused, with the place, worked out by hand."""

from __future__ import annotations

from vector_cases.oracles import Json, raw_entry

DEPTH = 64

# name, bytes, canonical form
ACCEPTED: list[tuple[str, bytes, str]] = [
    ("empty object", b"{}", "{}"),
    ("white space of all four kinds", b" \t\r\n[ 1 ,\n2 ] ", "[1,2]"),
    ("scalar at the top", b'"x"', '"x"'),
    ("null at the top", b"null", "null"),
    ("literals", b"[true,false,null]", "[true,false,null]"),
    (
        "largest integers",
        b"[9007199254740991,-9007199254740991]",
        "[9007199254740991,-9007199254740991]",
    ),
    ("minus zero as an integer", b"[-0]", "[0]"),
    ("minus zero as a double", b"[-0.0]", "[0]"),
    ("integral doubles", b"[1.0,0.1e1,10e-1]", "[1,1,1]"),
    (
        "large numbers with a fraction or an exponent",
        b"[1e20,9007199254740993.0]",
        "[100000000000000000000,9007199254740992]",
    ),
    ("largest double", b"[1.7976931348623157e308]", "[1.7976931348623157e+308]"),
    ("underflow to zero", b"[1e-400]", "[0]"),
    ("zero with any exponent", b"[0e999,0.0e400]", "[0,0]"),
    (
        "escapes",
        rb'["\"\\\/\b\f\n\r\t\u0041\u00e9\u0000"]',
        '["\\"\\\\/\\b\\f\\n\\r\\tA\u00e9\\u0000"]',
    ),
    ("surrogate pairs, escaped", rb'["\ud83d\ude00\uD834\uDD1E"]', '["\U0001f600\U0001d11e"]'),
    ("surrogate pair, raw", '["\U0001f600"]'.encode(), '["\U0001f600"]'),
    ("U+2028 and DEL, raw", '["\u2028\u007f"]'.encode(), '["\u2028\u007f"]'),
    (
        "colons in strings and keys",
        b'{"a:b":":::","c":"https://x:1"}',
        '{"a:b":":::","c":"https://x:1"}',
    ),
    ("an escaped colon", rb'{"a\u003ab":"\u003A"}', '{"a:b":":"}'),
    (
        "keys that differ in case or accent",
        '{"a":1,"A":2,"\u00e4":3}'.encode(),
        '{"A":2,"a":1,"\u00e4":3}',
    ),
    (
        "one key in several objects",
        b'[{"a":1},{"a":2},{"b":{"a":3}}]',
        '[{"a":1},{"a":2},{"b":{"a":3}}]',
    ),
    ("64 levels of arrays", b"[" * DEPTH + b"]" * DEPTH, "[" * DEPTH + "]" * DEPTH),
    (
        "64 levels of objects, a scalar inside",
        b'{"a":' * DEPTH + b"1" + b"}" * DEPTH,
        '{"a":' * DEPTH + "1" + "}" * DEPTH,
    ),
]

# name, bytes, line and column (from 1, in characters), JSON pointer of the value being read
REFUSED: list[tuple[str, bytes, int, int, str]] = [
    ("nothing", b"", 1, 1, ""),
    ("white space alone", b" \n ", 2, 2, ""),
    ("byte-order mark", b"\xef\xbb\xbf{}", 1, 1, ""),
    ("invalid UTF-8 in a string", b'{"a":\n"\xff"}', 2, 2, ""),
    ("overlong UTF-8", b'["\xc0\x80"]', 1, 3, ""),
    ("surrogate in UTF-8", b'["\xed\xa0\x80"]', 1, 3, ""),
    ("beyond U+10FFFF", b'["\xf4\x90\x80\x80"]', 1, 3, ""),
    ("UTF-8 cut short", b'["\xe2\x82', 1, 3, ""),
    ("trailing data", b"{} x", 1, 4, ""),
    ("two values", b"{}{}", 1, 3, ""),
    ("trailing NUL", b"{}\x00", 1, 3, ""),
    ("duplicate key", b'{"a":1,\n "a":2}', 2, 2, ""),
    ("duplicate key, equal values", b'{"a":1,"a":1}', 1, 8, ""),
    ("duplicate key after unescaping", rb'{"a":1,"\u0061":2}', 1, 8, ""),
    (
        "duplicate key, escaped surrogate pair",
        '{"\U0001f600":1,"\\ud83d\\ude00":2}'.encode(),
        1,
        8,
        "",
    ),
    ("duplicate key deep inside", b'{"x":[0,{"k":1,"l":{},"k":3}]}', 1, 23, "/x/1"),
    ("duplicate empty key", b'{"":1,"":2}', 1, 7, ""),
    ("duplicate hidden by an escaped colon", rb'{"a":1,"a":"\u003a"}', 1, 8, ""),
    ("duplicate hidden by a colon in capitals", rb'{"a":1,"a":"\u003A"}', 1, 8, ""),
    ("duplicate hidden by a colon in a key", rb'{"x":{"a":1,"a":2},"\u003a":3}', 1, 13, "/x"),
    ("NaN", b'{"a":NaN}', 1, 6, "/a"),
    ("Infinity", b"[Infinity]", 1, 2, "/0"),
    ("minus Infinity", b"[1,-Infinity]", 1, 4, "/1"),
    ("overflow", b'{"a":[1e400]}', 1, 7, "/a/0"),
    ("negative overflow", b"[-1E400]", 1, 2, "/0"),
    ("integer 2^53", b"[9007199254740992]", 1, 2, "/0"),
    ("integer -2^53", b"[-9007199254740992]", 1, 2, "/0"),
    ("integer 2^64-1", b"[18446744073709551615]", 1, 2, "/0"),
    ("integer 2^64", b"[18446744073709551616]", 1, 2, "/0"),
    ("integer of 400 digits", b"[" + b"1" * 400 + b"]", 1, 2, "/0"),
    ("lone high surrogate", rb'["a\ud800"]', 1, 4, "/0"),
    ("lone low surrogate", rb'["\udc00"]', 1, 3, "/0"),
    ("surrogates in the wrong order", rb'["\ude00\ud83d"]', 1, 3, "/0"),
    ("two high surrogates", rb'["\ud83d\ud83d"]', 1, 3, "/0"),
    ("two low surrogates", rb'["\ude00\ude00"]', 1, 3, "/0"),
    ("high surrogate, then U+E000", rb'["\ud83d\ue000"]', 1, 3, "/0"),
    ("high surrogate, then a letter", rb'["\ud83d\u0061"]', 1, 3, "/0"),
    ("lone surrogate in a key", rb'{"\ud800":1}', 1, 3, ""),
    ("65 levels of arrays", b"[" * (DEPTH + 1) + b"]" * (DEPTH + 1), 1, 65, "/0" * DEPTH),
    ("65 levels of objects", b'{"a":' * 65 + b"1" + b"}" * 65, 1, 321, "/a" * DEPTH),
    ("control character in a string", b'["a\tb"]', 1, 4, "/0"),
    ("NUL in a string", b'["\x00"]', 1, 3, "/0"),
    ("string without an end", b'["abc', 1, 2, "/0"),
    ("unknown escape", rb'["\x41"]', 1, 3, "/0"),
    ("escape cut short", rb'["\u12"]', 1, 3, "/0"),
    ("comma before ]", b"[1,]", 1, 4, "/1"),
    ("comma before }", b'{"a":1,}', 1, 8, ""),
    ("missing comma", b"[1 2]", 1, 4, ""),
    ("missing colon", b'{"a" 1}', 1, 6, ""),
    ("missing value", b'{"a":}', 1, 6, "/a"),
    ("key without quotes", b"{a:1}", 1, 2, ""),
    ("single quotes", b"{'a':1}", 1, 2, ""),
    ("object without an end", b'{"a":1', 1, 7, ""),
    ("array without an end", b"[1", 1, 3, ""),
    ("comment", b"{/* */}", 1, 2, ""),
    ("leading zero", b"[01]", 1, 2, "/0"),
    ("plus sign", b"[+1]", 1, 2, "/0"),
    ("no digit before the point", b"[.5]", 1, 2, "/0"),
    ("no digit after the point", b"[1.]", 1, 3, ""),
    ("no digit in the exponent", b"[1e]", 1, 3, ""),
    ("half a literal", b"[tru]", 1, 2, "/0"),
    ("form feed", b"\x0c{}", 1, 1, ""),
    ("no-break space", "\u00a0{}".encode(), 1, 1, ""),
    (
        "place in characters, not bytes",
        '["\u00e9\U0001f600",\r\n"\u20ac", NaN]'.encode(),
        2,
        6,
        "/2",
    ),
    ("pointer escapes", b'{"a/b~c":{"":NaN}}', 1, 14, "/a~1b~0c/"),
]


def strict_json() -> Json:
    accepted = [{"name": name, **raw_entry(raw), "canonical": form} for name, raw, form in ACCEPTED]
    refused = [
        {"name": name, **raw_entry(raw), "line": line, "column": column, "pointer": pointer}
        for name, raw, line, column, pointer in REFUSED
    ]
    return {"accepted": accepted, "refused": refused}


# RFC 8785, Appendix B: IEEE 754 bits and the JSON number; None where there is none.
DOUBLES: list[tuple[str, str | None]] = [
    ("0000000000000000", "0"),
    ("8000000000000000", "0"),
    ("0000000000000001", "5e-324"),
    ("8000000000000001", "-5e-324"),
    ("7fefffffffffffff", "1.7976931348623157e+308"),
    ("ffefffffffffffff", "-1.7976931348623157e+308"),
    ("4340000000000000", "9007199254740992"),
    ("c340000000000000", "-9007199254740992"),
    ("4430000000000000", "295147905179352830000"),
    ("7fffffffffffffff", None),
    ("7ff0000000000000", None),
    ("fff0000000000000", None),
    ("44b52d02c7e14af5", "9.999999999999997e+22"),
    ("44b52d02c7e14af6", "1e+23"),
    ("44b52d02c7e14af7", "1.0000000000000001e+23"),
    ("444b1ae4d6e2ef4e", "999999999999999700000"),
    ("444b1ae4d6e2ef4f", "999999999999999900000"),
    ("444b1ae4d6e2ef50", "1e+21"),
    ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
    ("3eb0c6f7a0b5ed8d", "0.000001"),
    ("41b3de4355555553", "333333333.3333332"),
    ("41b3de4355555554", "333333333.33333325"),
    ("41b3de4355555555", "333333333.3333333"),
    ("41b3de4355555556", "333333333.3333334"),
    ("41b3de4355555557", "333333333.33333343"),
    ("becbf647612f3696", "-0.0000033333333333333333"),
    ("43143ff3c1cb0959", "1424953923781206.2"),
    # Ours: either side of each limit at which orjson and the RFC part.
    ("3ee4f8b588e368f1", "0.00001"),
    ("3ee4f8b588e368f0", "0.000009999999999999999"),
    ("3e7ad7f29abcaf48", "1e-7"),
    ("433fffffffffffff", "9007199254740991"),
    ("432fffffffffffff", "4503599627370495.5"),
    ("4341c37937e08000", "10000000000000000"),
    ("3ff0000000000000", "1"),
    ("401e000000000000", "7.5"),
]

_UNSORTED = (
    rb'{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh",'
    rb'"1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control",'
    rb'"\u00f6":"Latin Small Letter O With Diaeresis"}'
)
_SORTED = (
    '{"\\r":"Carriage Return","1":"One","\u0080":"Control",'
    '"\u00f6":"Latin Small Letter O With Diaeresis","\u20ac":"Euro Sign",'
    '"\U0001f600":"Emoji: Grinning Face","\ufb33":"Hebrew Letter Dalet With Dagesh"}'
)
_SAMPLE = (
    b'{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],'
    rb'"string":"\u20ac$\u000F\u000aA'
    rb"'"
    rb'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}'
)
_SAMPLE_FORM = (
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
    '"string":"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
)
_SPACED = (
    b'{ "1": {"f": {"f": "hi","F": 5} ,"\\n": 56.0},\n "10": { },\n "": "empty",\n'
    b' "a": { },\n "111": [ {"e": "yes","E": "no" } ],\n "A": { }\n}'
)
_UNSPACED = (
    '{"":"empty","1":{"\\n":56,"f":{"F":5,"f":"hi"}},"10":{},"111":[{"E":"no","e":"yes"}],'
    '"A":{},"a":{}}'
)

# name, input, output
PAIRS: list[tuple[str, bytes, str]] = [
    ("keys sort by UTF-16 units (RFC 8785, 3.2.3)", _UNSORTED, _SORTED),
    ("numbers, strings, literals (RFC 8785, 3.2.2)", _SAMPLE, _SAMPLE_FORM),
    ("nested, with white space", _SPACED, _UNSPACED),
    (
        "the order of arrays is kept",
        b'[56,{"d":true,"10":null,"1":[]}]',
        '[56,{"1":[],"10":null,"d":true}]',
    ),
    (
        "nothing is normalised",
        rb'{"A\u030a":"\u00c5","\u212b":"a\u030a"}',
        '{"A\u030a":"\u00c5","\u212b":"a\u030a"}',
    ),
    (
        "accents sort by code",
        '{"peach":1,"p\u00e9ch\u00e9":2,"p\u00eache":3,"sin":4}'.encode(),
        '{"peach":1,"p\u00e9ch\u00e9":2,"p\u00eache":3,"sin":4}',
    ),
    (
        "control characters",
        rb'["\u0000\u0001\u0008\u0009\u000A\u000B\u000C\u000D\u000E\u001F\u007f\u2028"]',
        '["\\u0000\\u0001\\b\\t\\n\\u000b\\f\\r\\u000e\\u001f\u007f\u2028"]',
    ),
    ("no solidus is escaped", rb'["<\/script>","\u003c"]', '["</script>","<"]'),
    (
        "keys on both sides of U+D800",
        '{"\uffff":1,"\U00010000":2,"\ud7ff":3,"\ue000":4,"a":5}'.encode(),
        '{"a":5,"\ud7ff":3,"\U00010000":2,"\ue000":4,"\uffff":1}',
    ),
    (
        "integral doubles",
        b"[1.0,-0.0,1e2,100000000000000000000.0]",
        "[1,0,100,100000000000000000000]",
    ),
    (
        "small doubles",
        b"[0.00001,0.000001,0.0000001,1.5e-6]",
        "[0.00001,0.000001,1e-7,0.0000015]",
    ),
    ("a scalar", b' "x" ', '"x"'),
]


def canonical_form() -> Json:
    return {
        "pairs": [
            {"name": name, **raw_entry(raw), "canonical": output} for name, raw, output in PAIRS
        ],
        "doubles": [{"bits": bits, "canonical": text} for bits, text in DOUBLES],
    }
