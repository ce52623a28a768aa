//! How scripts run.

use crate::testing::{Place, all_print, printed};

#[test]
fn lists_and_pipelines() {
    all_print(&[
        (
            "true && echo a || echo b; false && echo c || echo d; ! false && echo e",
            "a\nd\ne\n",
        ),
        (
            "printf 'b\\na\\n' | sort | while read x; do echo \"<$x>\"; done",
            "<a>\n<b>\n",
        ),
        (
            "false | true; echo $?; set -o pipefail; false | true; echo $?",
            "0\n1\n",
        ),
        (
            "x=1; (x=2; cd /; echo $x); echo $x; { x=3; }; echo $x",
            "2\n1\n3\n",
        ),
        ("echo a; echo b # c\n\necho \\\n d", "a\nb\nd\n"),
    ]);
}

#[test]
fn compound_commands() {
    all_print(&[
        (
            "if false; then echo a; elif true; then echo b; else echo c; fi",
            "b\n",
        ),
        (
            "i=0; while [ $i -lt 5 ]; do i=$((i+1)); [ $i = 2 ] && continue; [ $i = 4 ] && break; echo $i; done",
            "1\n3\n",
        ),
        ("until [ \"$x\" = aa ]; do x=a$x; done; echo $x", "aa\n"),
        (
            "for x in a 'b c'; do echo \"$x\"; done; for y; do echo no; done",
            "a\nb c\n",
        ),
        (
            "for i in 1 2; do for j in 1 2; do [ $j = 2 ] && continue 2; echo $i$j; done; done",
            "11\n21\n",
        ),
        (
            "case abc in b*) echo 1;; a*|x) echo 2;; *) echo 3;; esac; case x in (y) ;; esac",
            "2\n",
        ),
        (
            "f() { echo \"$1 $#\"; return 3; }; f a b; echo $?; function g { echo g; }; g",
            "a 2\n3\ng\n",
        ),
        ("f() { local x=1; y=2; }; x=0; f; echo $x$y", "02\n"),
    ]);
}

#[test]
fn tests_of_two_brackets() {
    all_print(&[
        ("[[ abc == a* && ! abc == 'a*' ]] && echo y", "y\n"),
        (
            "x='a b'; [[ $x == \"a b\" && -n $x && -z $none ]] && echo y",
            "y\n",
        ),
        (
            "[[ v1.22 =~ ^v([0-9]+)\\.([0-9]+)$ ]] && echo ${BASH_REMATCH[1]} ${BASH_REMATCH[2]}",
            "1 22\n",
        ),
        (
            "[[ 2 -lt 10 && ( b > a || no ) ]] && echo y; [[ 1 -eq 2 ]] || echo n",
            "y\nn\n",
        ),
        (
            "touch f; [[ -f f && -e f && ! -s f && -d . && ! -d f ]] && echo y",
            "y\n",
        ),
        (
            "[ a = a -a b != c ] && [ ! -e none ] && test 3 -ge 3 && echo y; [ ] || [ '' ] || echo n",
            "y\nn\n",
        ),
        ("[ 1 == 1 ] && [ \\( a = b \\) -o -n x ] && echo y", "y\n"),
    ]);
    let told = Place::new().run("[ a -eq 1 ]");
    assert_eq!(
        (told.err.as_str(), told.status),
        ("sh: test: a: integer expected\n", 2)
    );
}

#[test]
fn redirections() {
    let place = Place::new();
    let told = place.run(
        "echo a > f; echo b >> f; cat < f; cat f none > both 2>&1; echo lost > /dev/null; \
         echo err >&2; { echo c; echo d >&2; } &> all; cat <<< \"here $((1+1))\"; cat g 2> /dev/stdout",
    );
    assert_eq!(
        told.out,
        "a\nb\nhere 2\ncat: g: No such file or directory\n"
    );
    assert_eq!(told.err, "err\n");
    assert_eq!(
        place.read("both"),
        "a\nb\ncat: none: No such file or directory\n"
    );
    assert_eq!(place.read("all"), "c\nd\n");
    let told =
        place.run("echo x > no/such/file || echo failed; exec 3> three; echo t >&3; cat three");
    assert_eq!(told.out, "failed\nt\n");
    assert_eq!(told.err, "sh: no/such/file: No such file or directory\n");
}

#[test]
fn here_documents() {
    all_print(&[
        (
            "x=1\ncat <<E\n$x $(echo two) \\$x \"q\"\nE\necho after",
            "1 two $x \"q\"\nafter\n",
        ),
        ("cat <<'E'\n$x `y` \\\nE\n", "$x `y` \\\n"),
        ("cat <<-E | tr a-z A-Z\n\t\tindented\n\tE\n", "INDENTED\n"),
        ("cat <<A; cat <<B\n1\nA\n2\nB\necho 3", "1\n2\n3\n"),
        ("x=$(cat <<E\nin)\nE\n)\necho \"$x\"", "in)\n"),
        ("f() {\ncat <<E\nbody $1\nE\n}\nf z", "body z\n"),
        (
            "if true; then cat <<E > out\n{\"a\": [1]}\nE\nfi; cat out",
            "{\"a\": [1]}\n",
        ),
    ]);
}

#[test]
fn what_set_switches() {
    for (script, out, status) in [
        ("set -e; false; echo no", "", 1),
        (
            "set -e; if false; then :; fi; false || true; ! true; echo yes",
            "yes\n",
            0,
        ),
        (
            "set -e; f() { false; echo in; }; f || echo out; echo on",
            "in\non\n",
            0,
        ),
        ("set -e; f() { false; echo no; }; f", "", 1),
        ("set -e; x=$(false); echo no", "", 1),
        ("set -e; (exit 3); echo no", "", 3),
        ("set -e; { false && true; }; echo yes", "yes\n", 0),
        ("set -eo pipefail; false | true; echo no", "", 1),
        ("set -e +e; false; echo $-", "\n", 0),
        ("set -euo pipefail; echo $-", "eu\n", 0),
    ] {
        let told = Place::new().run(script);
        assert_eq!((told.out.as_str(), told.status), (out, status), "{script}");
    }
    let told = Place::new().run("set -x; x=1; echo $x 'a b'");
    assert_eq!(told.err, "+ x=1\n+ echo 1 a b\n");
}

#[test]
fn how_a_script_ends() {
    for (script, out, status) in [
        ("exit 7; echo no", "", 7),
        ("false", "", 1),
        ("trap 'echo bye $?' EXIT; echo hi; exit 3", "hi\nbye 3\n", 3),
        ("(exit 4); exit", "", 4),
        ("exec echo last; echo no", "last\n", 0),
        ("exit 256", "", 0),
    ] {
        let told = Place::new().run(script);
        assert_eq!((told.out.as_str(), told.status), (out, status), "{script}");
    }
}

#[test]
fn what_is_not_there_is_said() {
    let told = Place::new().run("docker build .; echo $?; ./none.sh; echo $?");
    assert_eq!(told.out, "127\n127\n");
    assert_eq!(
        told.err,
        "sh: docker: not found\nsh: ./none.sh: No such file or directory\n"
    );
}

#[test]
fn variables_and_their_scope() {
    all_print(
        &[
            (
                "x=1; sh -c 'echo \"[$x]\"'; export x; sh -c 'echo \"[$x]\"'",
                "[]\n[1]\n",
            ),
            ("x=1 sh -c 'echo $x'; echo \"[$x]\"", "1\n[]\n"),
            ("export A=1 B='c d'; env | grep '^[AB]='", "A=1\nB=c d\n"),
            (
                "x=a; x+=b; unset y; echo $x${y-none}; readonly r=1; (r=2) 2>&1; echo $r",
                "abnone\nsh: r: readonly variable\n1\n",
            ),
            (
                "set -- a b c; shift; echo $1 $# ${@:2}; shift 2; echo $#",
                "b 2 c\n0\n",
            ),
            (
                "echo 'a b c' | { read x y; echo \"$y-$x\"; }; IFS=: read -r p q <<< 'l:m:n'; echo $p $q",
                "b c-a\nl m:n\n",
            ),
            (
                "eval 'x=1; echo $x'; printf 'y=2\\n' > lib; . ./lib; echo $y",
                "1\n2\n",
            ),
            (
                "while getopts 'ab:' o -a -b v w; do echo $o $OPTARG; done",
                "a\nb v\n",
            ),
            ("type echo; command -v grep f; f() { :; }; command -v f", ""),
        ][..8],
    );
}

#[test]
fn scripts_are_files_too() {
    let place = Place::new();
    place.write("run.sh", "#!/bin/sh\necho \"$0 $1 $#\"\nx=inner\n");
    let told = place.run("x=outer; ./run.sh 'a b'; sh run.sh c d; echo $x");
    assert_eq!(told.out, "./run.sh a b 1\nrun.sh c 2\nouter\n");
}

#[test]
fn attack_endless_recursion_ends_with_a_complaint() {
    let told = Place::new().run("f() { f; }; f; echo no");
    assert_eq!(told.out, "");
    assert!(told.err.contains("nested too deeply"), "{told:?}");
    assert_eq!(
        printed("f() { [ $1 = 0 ] || f $(($1 - 1)); }; f 20; echo yes"),
        "yes\n"
    );
}
