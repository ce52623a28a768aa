//! What the tools do with their arguments.

use crate::testing::{Place, all_print};

#[test]
fn printing() {
    all_print(&[
        (
            "echo -n a; echo -e 'b\\tc'; echo -x 'd\\n'",
            "ab\tc\n-x d\\n\n",
        ),
        (
            "printf '%s-%d|' a 1 b 2; printf '%05.1f %x %%\\n' 2.25 255",
            "a-1|b-2|002.2 ff %\n",
        ),
        (
            "printf '%-5s|%5s|%.2s|%03d|%+d\\n' ab cd efg 7 8",
            "ab   |   cd|ef|007|+8\n",
        ),
        (
            "printf '%*s' 3 '' | tr ' ' .; printf '%064x' 255 | wc -c; printf x",
            "...64\nx",
        ),
        (
            "seq 3 | tr '\\n' ' '; seq -s , 1 2 7; seq 3 1",
            "1 2 3 1,3,5,7\n",
        ),
        ("printf -v x '%s!' hi; echo $x", "hi!\n"),
    ]);
}

#[test]
fn lines_of_files() {
    let lines = "printf 'c\\nb\\na\\nb\\n' > f; ";
    for (script, expected) in [
        (
            "head -n 2 f; head -1 f; tail -n 1 f; tail -n +3 f",
            "c\nb\nc\nb\na\nb\n",
        ),
        (
            "sort f | uniq -c | sort -rn | head -1; sort -u f",
            "      2 b\na\nb\nc\n",
        ),
        ("wc -l < f; wc -c f; wc f | cat", "4\n8 f\n4 4 8 f\n"),
        (
            "echo 'a:b:c' | cut -d: -f1,3; echo abcdef | cut -c 2-4",
            "a:c\nbcd\n",
        ),
        (
            "echo Hello | tr '[:lower:]' '[:upper:]'; echo aabb | tr -s a; echo a1b2 | tr -d 0-9; echo abc | tr a-c x",
            "HELLO\nabb\nab\nxxx\n",
        ),
        (
            "echo x | tee one two; cat one two; echo y | tee -a one > /dev/null; cat one",
            "x\nx\nx\nx\ny\n",
        ),
        ("cat -n f | head -n 1; tac f | head -n 1", "     1\tc\nb\n"),
        (
            "printf '10\\n9\\n' | sort -n; printf 'b 1\\na 2\\n' | sort -k2 -r",
            "9\n10\na 2\nb 1\n",
        ),
        (
            "cmp f f && diff f f && echo same; head -c 3 f | wc -c",
            "same\n3\n",
        ),
    ] {
        all_print(&[(&format!("{lines}{script}"), expected)]);
    }
}

#[test]
fn searching_and_replacing() {
    let lines = "printf 'one 1\\ntwo 22\\nthree\\n' > f; ";
    for (script, expected) in [
        (
            "grep t f; grep -v t f; grep -c o f; grep -n two f",
            "two 22\nthree\none 1\n2\n2:two 22\n",
        ),
        (
            "grep -o '[0-9][0-9]*' f; grep -E '^(one|three)' f; grep -q one f && echo q",
            "1\n22\none 1\nthree\nq\n",
        ),
        (
            "grep 'e\\{2\\}' f; grep -F '1' f; grep -i ONE f; grep -l one f; grep -w 2 f || echo none",
            "three\none 1\none 1\nf\nnone\n",
        ),
        (
            "sed s/o/0/ f; sed 's/\\([a-z]*\\) \\([0-9]*\\)/\\2 \\1/' f",
            "0ne 1\ntw0 22\nthree\n1 one\n22 two\nthree\n",
        ),
        (
            "sed -n 2p f; sed 1d f; sed -E 's/[0-9]+/<&>/g;s|t|T|' f; sed -n '/one/,/two/p' f",
            "two 22\ntwo 22\nthree\none <1>\nTwo <22>\nThree\none 1\ntwo 22\n",
        ),
        (
            "sed -i s/one/uno/ f; head -n 1 f; sed '$d' f | tail -n 1",
            "uno 1\ntwo 22\n",
        ),
    ] {
        all_print(&[(&format!("{lines}{script}"), expected)]);
    }
    let told = Place::new().run("echo a | grep b; echo $?; grep a none; echo $?; sed y/a/b/ none");
    assert_eq!(told.out, "1\n2\n");
    assert_eq!(
        told.err,
        "grep: none: No such file or directory\nsed: command `y` is not supported here\n"
    );
}

#[test]
fn files_and_folders() {
    let place = Place::new();
    let told = place.run(
        "mkdir -p a/b; touch a/b/f a/g; ls a; ls -R a; cp -r a c; mv c/g c/b/h; find c -type f; \
         find . -name f -exec echo '<{}>' \\; ; find a -type f | xargs wc -c; rm a/b/f; rmdir a/b; rm -r c; ls; \
         rm none || rm -f none; mkdir a || basename /x/y.txt .txt; dirname /x/y; stat -c '%s %F' a/g",
    );
    assert_eq!(
        told.out,
        "b\ng\na:\nb\ng\na/b:\nf\nc/b/f\nc/b/h\n<./a/b/f>\n<./c/b/f>\n0 a/b/f\n0 a/g\n0 total\na\ny\n/x\n0 regular file\n"
    );
    assert_eq!(
        told.err,
        "rm: none: No such file or directory\nmkdir: a: File exists\n"
    );
    let told = place.run(
        "ls none; cp a b; cat a; x=$(mktemp) && test -f $x && echo made; readlink -f a/../a/g",
    );
    assert_eq!(told.out, format!("made\n{}/a/g\n", place.path().display()));
    assert_eq!(
        told.err,
        "ls: none: No such file or directory\ncp: a: Is a directory\ncat: a: Is a directory\n"
    );
}

#[test]
fn encodings_and_numbers() {
    all_print(
        &[
            (
                "printf abc | sha256sum",
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  -\n",
            ),
            (
                "printf 'Hello, you' | base64; echo SGVsbG8= | base64 -d; printf abc | base64 | base64 -d",
                "SGVsbG8sIHlvdQ==\nHelloabc",
            ),
            (
                "echo a > f; sha256sum f > sums; sha256sum -c sums",
                "f: OK\n",
            ),
            (
                "expr 2 + 3; expr abc : 'a\\(.*\\)'; expr 1 = 2",
                "5\nbc\n0\n",
            ),
        ][..3],
    );
    let told =
        Place::new().run("expr 2 + 3; expr 7 / 2; expr abc : 'a\\(.*\\)'; expr 1 = 2; echo $?");
    assert_eq!(told.out, "5\n3\nbc\n0\n1\n");
}

#[test]
fn calling_others() {
    all_print(&[
        (
            "echo a b | xargs -n 1 echo x; printf 'p q\\nr\\n' | xargs -I{} echo '<{}>'",
            "x a\nx b\n<p q>\n<r>\n",
        ),
        (
            "env A=1 sh -c 'echo $A $GREETING'; printenv GREETING; env -i sh -c 'echo \"[$GREETING]\"'",
            "1 hello\nhello\n[]\n",
        ),
        (
            "whoami; id -u; /bin/echo path; sleep 0; date -u +%Y | wc -c",
            "root\n0\npath\n5\n",
        ),
    ]);
}
