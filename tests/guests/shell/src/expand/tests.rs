//! What words become.

use crate::testing::{Place, all_print};

#[test]
fn parameters_have_their_operators() {
    all_print(&[
        (
            "x=abc.tar.gz; echo ${x%.*} ${x%%.*} ${x#*.} ${x##*.} ${#x}",
            "abc.tar abc tar.gz gz 10\n",
        ),
        (
            "echo ${x:-a b} ${x-c} ${x:+d}; x=; echo \"${x:-e}|${x-f}|${x+g}\"",
            "a b c\ne||g\n",
        ),
        ("echo ${x:=set} $x", "set set\n"),
        (
            "x=banana; echo ${x/a/o} ${x//a/o} ${x/#b/B} ${x/%a/A} ${x//an}",
            "bonana bonono Banana bananA ba\n",
        ),
        (
            "x=abcdef; echo ${x:2} ${x:1:3} ${x: -2} ${x::2}",
            "cdef bcd ef ab\n",
        ),
        ("x=abC; echo ${x^} ${x^^} ${x,,}", "AbC ABC abc\n"),
        ("x=y; y=z; echo ${!x}", "z\n"),
        ("p=/; x=a/b; echo ${x%%\"$p\"*} ${x#*/}", "a b\n"),
        ("echo \"${x:-\"a b\"}\" ${x:-'c  d'}", "a b c  d\n"),
    ]);
}

#[test]
fn a_parameter_that_must_be_there_ends_the_script() {
    let told = Place::new().run("echo a; echo ${x:?is needed}; echo b");
    assert_eq!((told.out.as_str(), told.status), ("a\n", 1));
    assert_eq!(told.err, "sh: x: is needed\n");
    let told = Place::new().run("set -u; echo $x; echo b");
    assert_eq!(
        (told.out.as_str(), told.err.as_str()),
        ("", "sh: x: parameter not set\n")
    );
}

#[test]
fn values_are_split_and_quotes_keep_them_whole() {
    all_print(&[
        (
            "x=' a  b '; printf '<%s>' $x; printf '<%s>' \"$x\"",
            "<a><b>< a  b >",
        ),
        (
            "set -- 'a b' c; printf '<%s>' \"$@\"; printf '<%s>' $*; printf '<%s>' \"$*\"",
            "<a b><c><a><b><c><a b c>",
        ),
        ("set --; printf '<%s>' \"$@\" x", "<x>"),
        ("printf '<%s>' x\"\"; x=; printf '<%s>' $x \"$x\"", "<x><>"),
        ("IFS=,; x=a,,b; printf '<%s>' $x", "<a><><b>"),
        ("set -- 1 2; printf '<%s>' \"a$@b\"", "<a1><2b>"),
        (
            "x='$HOME `no`'; echo \"$x\" '$x' \\$x",
            "$HOME `no` $x $x\n",
        ),
        (
            "echo ~ ~/a \"~\" $GREETING",
            "/home/me /home/me/a ~ hello\n",
        ),
        (
            "echo {a,b}{1..3} \"{a,b}\" {x}",
            "a1 a2 a3 b1 b2 b3 {a,b} {x}\n",
        ),
        (r"echo $'a\tb\'c'", "a\tb'c\n"),
    ]);
}

#[test]
fn commands_are_substituted_without_the_newlines_at_their_end() {
    all_print(
        &[
            (
                "echo \"[$(printf 'a\\n\\n')]\" `echo b \\`echo c\\``",
                "[a] b c\n",
            ),
            ("x=$(false); echo $?; x=$(true); echo $?", "1\n0\n"),
            ("false; x=$?; echo $x", "1\n"),
            ("echo \"$(case a in a) echo in;; esac)\"", "in\n"),
            ("echo a > f; echo $(< f)", "a\n"),
            ("diff <(echo a) <(echo b)", ""),
        ][..5],
    );
    let told = Place::new().run("diff <(printf 'a\\nb\\n') <(printf 'a\\nc\\n')");
    assert_eq!((told.out.as_str(), told.status), ("< b\n> c\n", 1));
}

#[test]
fn arithmetic_is_that_of_c() {
    all_print(&[
        (
            "echo $((1 + 2 * 3)) $(( (1+2)*3 )) $((7 / 2)) $((-7 % 3)) $((2 ** 10))",
            "7 9 3 -1 1024\n",
        ),
        (
            "x=5; echo $((x++)) $x $((++x)) $((x += 2)) $((x == 9 ? 1 : 0))",
            "5 6 7 9 1\n",
        ),
        (
            "echo $((1 < 2 && 3 != 3 || 0)) $((!0)) $((~0)) $((6 & 3 | 8 ^ 1))",
            "0 1 -1 11\n",
        ),
        (
            "echo $((0x1f)) $((010)) $((2#101)) $((1 << 4 >> 1))",
            "31 8 5 8\n",
        ),
        (
            "a=2; b=a; echo $((b * b)) $(( \"3\" + \"4\" )) $((${a}+${b}))",
            "4 7 4\n",
        ),
        ("x=1; echo $((0 && (x = 2))) $x", "0 1\n"),
        (
            "((3 > 2)) && echo yes; for ((i = 0; i < 3; i++)); do printf $i; done",
            "yes\n012",
        ),
        ("x=(5 6); echo $((x[1] + 1))", "7\n"),
    ]);
    let told = Place::new().run("echo $((1 / 0))");
    assert_eq!(
        (told.err.as_str(), told.status),
        ("sh: 1 / 0: division by 0\n", 1)
    );
}

#[test]
fn attack_a_variable_that_names_itself_does_not_exhaust_the_stack() {
    let told = Place::new().run("a=b; b=a; echo $((a))");
    assert_eq!(
        (told.err.as_str(), told.status),
        ("sh: a: nested too deeply\n", 1)
    );
    let brackets = format!("echo $(({}1{}))", "(".repeat(30), ")".repeat(30));
    assert_eq!(Place::new().run(&brackets).out, "1\n");
    let brackets = "(".repeat(5000);
    let told = Place::new().run(&format!("x='{brackets}'; echo $((x))"));
    assert_eq!(told.status, 1);
}

#[test]
fn patterns_become_paths() {
    let place = Place::new();
    for path in [
        "b.txt", "a.txt", ".hidden", "d/c.txt", "d/e/f.md", "odd [x]",
    ] {
        place.write(path, "");
    }
    let told = place.run("echo *; echo *.txt .h*; echo d/* */*.txt; echo no*such '*' \"*\"; echo [ab].txt; echo odd\\ \\[*");
    assert_eq!(
        told.out,
        "a.txt b.txt d odd [x]\na.txt b.txt .hidden\nd/c.txt d/e d/c.txt\nno*such * *\na.txt b.txt\nodd [x]\n"
    );
    let told = place.run("echo \"$PWD\"/d/*.txt; set -f; echo *");
    assert_eq!(told.out, format!("{}/d/c.txt\n*\n", place.path().display()));
}

#[test]
fn arrays_hold_elements() {
    all_print(&[
        (
            "a=(x 'y z'); a+=(w); echo ${a[1]} ${#a[@]} ${a[-1]} $a; printf '<%s>' \"${a[@]}\"",
            "y z 3 w x\n<x><y z><w>",
        ),
        ("a[2]=c; echo \"${a[2]}\" ${!a[@]}", "c 0 1 2\n"),
        (
            "a=(1 2 3); echo ${a[@]:1} \"${a[*]}\"; x=(); echo ${#x[@]}",
            "2 3 1 2 3\n0\n",
        ),
        ("v=text; printf '%s\\n' \"${v[@]}\"", "text\n"),
    ]);
}
