//! The example `docs-site` over this project's own `docs`: two commands and a typed plugin that share a workspace.

use crate::stage::{Stage, Told, checkout};
use crate::tree::{Files, checkout_files, files, write};

/// Builds a site of these pages in a folder of its own.
fn built(docs: impl IntoIterator<Item = (String, Vec<u8>)>) -> (Told, Files) {
    let stage = Stage::new();
    let site = stage.folder("site");
    write(&stage.folder("docs"), docs);
    let task = checkout().join("examples/docs-site/task.yaml");
    let args = ["-w", "docs=docs", "-w", "site=site", "-p", "title=Stepwell"];
    (stage.run_at(&task, &args).succeeded(), files(&site))
}

fn number(told: &Told, result: &str) -> usize {
    told.result(result).as_str().unwrap().parse().unwrap()
}

/// The targets of a page's links to other files, found without a parser of Markdown.
fn linked_files(page: &str) -> Vec<&str> {
    let mut fenced = false;
    let mut found = Vec::new();
    for line in page.lines() {
        fenced ^= line.trim_start().starts_with("```");
        if fenced {
            continue;
        }
        for rest in line.split("](").skip(1) {
            let target = rest.split([')', '#']).next().unwrap();
            if !target.is_empty() && !target.contains(':') {
                found.push(target);
            }
        }
    }
    found
}

#[test]
fn the_results_are_those_of_the_documents() {
    let docs = checkout_files("docs");
    let (told, site) = built(docs.clone());

    let pages: Vec<&String> = docs
        .keys()
        .filter(|path| path.ends_with(".md") && *path != "SUMMARY.md")
        .collect();
    assert_eq!(number(&told, "pages"), pages.len());
    for page in pages {
        let html = page.strip_suffix(".md").unwrap();
        let index = html
            .strip_suffix("README")
            .map(|folder| format!("{folder}index"));
        let html = index.unwrap_or_else(|| html.to_owned()) + ".html";
        let html = String::from_utf8(site[&html].clone()).unwrap();
        assert!(html.contains("Stepwell"), "{page} lacks the site's title");
    }

    let stage = Stage::new();
    write(&stage.folder("docs"), docs.clone());
    let missing = docs
        .iter()
        .filter(|(path, _)| path.ends_with(".md"))
        .flat_map(|(path, bytes)| {
            let page = stage.path("docs").join(path);
            linked_files(str::from_utf8(bytes).unwrap())
                .into_iter()
                .filter(move |target| !page.parent().unwrap().join(target).exists())
        })
        .count();
    let said = |what: &str| {
        let lines = told.stdout("check-links").into_iter();
        lines.filter(|line| line.contains(what)).count()
    };
    assert_eq!(said("no such file") + said("leads out"), missing);
    assert_eq!(said("broken link `"), number(&told, "broken-links"));

    // The typed plugin listed what the command before it wrote.
    let manifest = String::from_utf8(site["MANIFEST.b3"].clone()).unwrap();
    let expected: String = site
        .iter()
        .filter(|(path, _)| *path != "MANIFEST.b3")
        .map(|(path, bytes)| format!("{}  {path}\n", blake3::hash(bytes).to_hex()))
        .collect();
    assert_eq!(manifest, expected);
    assert_eq!(number(&told, "files"), site.len() - 1);
    assert_eq!(
        told.result("digest"),
        blake3::hash(manifest.as_bytes()).to_hex().as_str()
    );
}

#[test]
fn one_more_page_adds_its_words_and_its_broken_links() {
    let docs = checkout_files("docs");
    let (before, _) = built(docs.clone());
    let words: Vec<String> = (0..37).map(|word| format!("word{word}")).collect();
    let page = format!("# Title\n\n{}\n\n[gone](nowhere.md)\n", words.join(" "));
    let mut more = docs;
    more.insert("one-more.md".to_owned(), page.into_bytes());
    let (after, _) = built(more);
    let added = |result| number(&after, result) - number(&before, result);
    assert_eq!(added("pages"), 1);
    // With the words of the title and of the link.
    assert_eq!(added("words"), words.len() + 2);
    assert_eq!(added("broken-links"), 1);
    assert_ne!(after.result("digest"), before.result("digest"));
}

#[test]
fn the_site_is_the_same_wherever_and_whenever_it_is_built() {
    let docs = checkout_files("docs");
    let (first, site) = built(docs.clone());
    // In another folder, whose files were created in the opposite order.
    let (second, again) = built(docs.into_iter().rev());
    assert_eq!(site, again);
    assert_eq!(first.lasting(), second.lasting());
    assert_eq!(
        first.of_type("step-end").count(),
        3,
        "two commands and a plugin"
    );
}

#[test]
fn a_broken_link_fails_a_strict_build() {
    let stage = Stage::new();
    let site = stage.folder("site");
    let page = b"# Title\n\n[gone](nowhere.md)\n".to_vec();
    write(&stage.folder("docs"), [("index.md".to_owned(), page)]);
    let task = checkout().join("examples/docs-site/task.yaml");
    let args = ["-w", "docs=docs", "-w", "site=site", "-p", "strict=true"];
    let told = stage.run_at(&task, &args);
    assert_eq!(told.code, Some(5), "{told:?}");
    assert_eq!(told.result("broken-links"), "1");
    assert_eq!(told.end("render")["terminationReason"], "Skipped");
    assert!(files(&site).is_empty());
}
