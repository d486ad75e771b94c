//! The page of plans: whole in one file, safe whatever things are called, and alive in a browser.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bayplan::observed::snapshot::Run;
use bayplan::plan::show::About;
use bayplan::plan::show::html::html;
use bayplan::plan::{Because, Danger, Plan, Verb, Warning, format};

use crate::golden;
use crate::made::{Made, fact, pin};

/// Elements without an end.
const VOID: &[&str] = &["meta", "input"];

/// Everything that a page may be made of.
const ELEMENTS: &[&str] = &[
    "html", "head", "meta", "title", "style", "body", "a", "header", "nav", "h1", "h2", "h3", "h4",
    "span", "p", "dl", "dt", "dd", "main", "section", "table", "caption", "thead", "tbody", "tr",
    "th", "td", "div", "svg", "rect", "line", "text", "form", "label", "input", "select", "option",
    "output", "article", "ul", "li", "strong", "details", "summary", "script",
];

/// What tries to get out of where it stands, in every way that a page knows.
const HOSTILE: &[&str] = &[
    "</style></script><img src=x onerror=\"document.title='taken'\">&'`{{ 7*7 }}",
    "]]><script>document.title='taken'</script>",
    "\" autofocus onfocus=document.title='taken' x=\"",
    "javascript:document.title='taken'",
    "<!--<svg onload=document.title='taken'>",
    "&lt;img src=x onerror=document.title='taken'&gt;",
    "\u{202e}kcatta\u{2066}",
    "line\nbreak\u{2028}and\0null",
];

/// The page of plans.
pub(crate) fn page(plans: &[(&Plan, About)]) -> String {
    html(plans).unwrap()
}

/// What somebody reads of it, as far as a test can tell: escapes are what they stand for.
pub(crate) fn read(page: &str) -> String {
    let escapes = [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")];
    escapes.iter().fold(page.to_owned(), |text, (escape, sign)| text.replace(escape, sign))
}

fn plans() -> Vec<(String, Plan)> {
    let folders = fs::read_dir(golden::path("plans")).unwrap();
    let mut all: Vec<(String, Plan)> = folders
        .map(|folder| folder.unwrap().path())
        .filter(|folder| folder.is_dir())
        .map(|folder| {
            let bytes = fs::read(folder.join("plan.json")).unwrap();
            let name = folder.file_name().unwrap().to_string_lossy().into_owned();
            (name, format::read(&bytes).unwrap().plan)
        })
        .collect();
    all.sort_by(|one, other| one.0.cmp(&other.0));
    all.push(("hostile".to_owned(), hostile()));
    all
}

/// Everything in it is called as somebody who means harm would call it.
fn hostile() -> Plan {
    let mut made = Made::new(vec![fact("a", HOSTILE[0], Run::Live)]);
    made.replace(HOSTILE[0], "a", pin(), &[]);
    made.create("plain", false);
    for text in HOSTILE {
        made.change(text, Verb::Stop, Because::Dead);
        let text = (*text).to_owned();
        made.plan.warnings.push(Warning { code: text.clone(), set: None, text: text.repeat(200) });
        let change = made.plan.changes.last_mut().unwrap();
        change.danger.push(Danger::HostAccess);
        change.dangerous.insert(Danger::HostAccess, vec![format!("bind:{text}")]);
        change.impact.keeps.push(text);
    }
    made.plan
}

fn about() -> About {
    About {
        digest: Some("sha256:aa".to_owned()),
        next: Some(HOSTILE[0].to_owned()),
        meta: HOSTILE.iter().map(|text| ((*text).to_owned(), (*text).to_owned())).collect(),
        since: None,
    }
}

/// Every tag, without its brackets, of a page in which no text has a bracket.
fn tags(page: &str) -> Vec<String> {
    let mut tags = Vec::new();
    let mut rest = page;
    while let Some((_, after)) = rest.split_once('<') {
        let (tag, after) = after.split_once('>').unwrap();
        tags.push(tag.to_owned());
        rest = match ["style", "script"].into_iter().find(|raw| tag == *raw) {
            // What is in these is ours alone, and ends with their own end.
            Some(raw) => &after[after.find(&format!("</{raw}>")).unwrap()..],
            None => after,
        };
    }
    tags
}

/// The names of a tag's attributes; values are in quotes, and no value has one.
fn attributes(tag: &str) -> Vec<String> {
    let parts: Vec<&str> = tag.split('"').collect();
    let names = parts.iter().step_by(2).flat_map(|part| part.split_whitespace());
    names.skip(1).map(|name| name.trim_end_matches('=').to_owned()).collect()
}

fn sound(name: &str, page: &str) {
    assert!(page.len() < 2 << 20, "{name}: {} bytes", page.len());
    assert!(!page.chars().any(|c| c != '\n' && bayplan::base::say::is_unsafe(c)), "{name}");
    let mut open: Vec<String> = Vec::new();
    let mut ids: Vec<String> = Vec::new();
    for tag in tags(page).iter().filter(|tag| *tag != "!DOCTYPE html") {
        let element = tag.trim_start_matches('/').split([' ', '"']).next().unwrap();
        assert!(ELEMENTS.contains(&element), "{name}: <{tag}>");
        for attribute in attributes(tag) {
            let banned = ["style", "src", "srcset", "action", "formaction", "background"];
            let is_banned = attribute.starts_with("on") || banned.contains(&&*attribute);
            assert!(!is_banned, "{name}: <{tag}>");
        }
        // A link goes to another place of the page, and nowhere else.
        let link = tag.split_once("href=\"").is_some_and(|(_, to)| !to.starts_with("#plan-"));
        assert!(!link, "{name}: <{tag}>");
        ids.extend(
            tag.split_once(" id=\"").map(|(_, id)| id.split('"').next().unwrap().to_owned()),
        );
        if tag.starts_with('/') {
            assert_eq!(open.pop().as_deref(), Some(element), "{name}");
        } else if !VOID.contains(&element) {
            open.push(element.to_owned());
        }
    }
    assert_eq!(open, Vec::<String>::new(), "{name}");
    let all = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), all, "{name}: an ID is there twice");
    for tag in tags(page) {
        for labelled in tag.split("aria-labelledby=\"").skip(1) {
            let id = labelled.split('"').next().unwrap().to_owned();
            assert!(ids.contains(&id), "{name}: nothing is called {id}");
        }
    }
}

#[test]
fn a_page_is_whole_closed_and_reaches_for_nothing() {
    let plans = plans();
    for (name, plan) in &plans {
        sound(name, &page(&[(plan, about())]));
    }
    let all: Vec<(&Plan, About)> = plans.iter().map(|(_, plan)| (plan, about())).collect();
    let page = page(&all);
    sound("all", &page);
    assert_eq!(page.matches("<article class=\"plan\"").count(), plans.len());
}

#[test]
fn a_page_reads_from_the_dangers_down() {
    let (_, plan) = plans().into_iter().find(|(name, _)| name == "shop").unwrap();
    let page = page(&[(&plan, About::default())]);
    let (head, body) = page.split_once("<body>").unwrap();
    assert!(
        head.contains("Content-Security-Policy") && head.contains("default-src &#39;none&#39;")
    );
    let (body, _) = body.split_once("<script>").unwrap();
    insta::assert_snapshot!(body);
}

/// The browser, where there is one.
fn browser() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let mut all =
        std::env::split_paths(&folders).flat_map(|folder| names.map(|name| folder.join(name)));
    all.find(|path| path.is_file())
}

/// What a browser has of a page once its script has run, and what it complains about. A browser that
/// shows nothing is asked once more: on a busy machine it may end before it begins.
fn browsed(browser: &Path, folder: &Path, page: &Path, more: &[&str]) -> (String, String) {
    let (dom, errors) = browsed_once(browser, folder, page, more);
    if dom.contains("</html>") { (dom, errors) } else { browsed_once(browser, folder, page, more) }
}

fn browsed_once(browser: &Path, folder: &Path, page: &Path, more: &[&str]) -> (String, String) {
    // A browser that hangs is ended.
    let done = Command::new("timeout")
        .args(["--kill-after=5", "90"])
        .arg(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        .args(["--enable-logging=stderr", "--v=0", "--virtual-time-budget=2000"])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .args(more)
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&done.stdout), text(&done.stderr))
}

/// Filters for dangers with the keyboard's events, and tells in the title what came of it.
const FILTERED: &str = "<script>addEventListener('load', () => {
  const form = document.getElementById('filters');
  form.elements.danger.value = 'any';
  form.dispatchEvent(new Event('input', {bubbles: true}));
  const all = Array.from(document.querySelectorAll('article.change'));
  const rows = Array.from(document.querySelectorAll('.graph .row'));
  const wide = document.documentElement.scrollWidth > innerWidth;
  document.title = 'shown ' + all.filter(one => !one.hidden).length + ', rows ' +
    rows.filter(one => one.getClientRects().length).length + ', wide ' + wide;
});</script></body>";

/// How many rows over time belong to changes with a danger, and how many rows there are.
fn rows_of_dangers(page: &str) -> (usize, usize) {
    let of = |tag: &String| {
        let (_, of) = tag.split_once(" data-of=\"")?;
        of.split('"').next().map(str::to_owned)
    };
    let tags = tags(page);
    let dangerous: Vec<String> = tags
        .iter()
        .filter(|tag| tag.starts_with("article class=\"change bad"))
        .filter_map(of)
        .collect();
    let rows: Vec<String> =
        tags.iter().filter(|tag| tag.starts_with("div class=\"row")).filter_map(of).collect();
    (rows.iter().filter(|of| dangerous.contains(of)).count(), rows.len())
}

#[test]
fn a_browser_runs_its_own_script_and_nothing_else() {
    let Some(browser) = browser() else {
        assert!(std::env::var_os("CI").is_none(), "there is no browser, and CI must have one");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let plans = plans();
    let all: Vec<(&Plan, About)> = plans.iter().map(|(_, plan)| (plan, about())).collect();
    let page = page(&all);
    let file = folder.path().join("plan.html");
    fs::write(&file, &page).unwrap();
    let (dom, errors) = browsed(&browser, folder.path(), &file, &["--dump-dom"]);
    let refused: Vec<&str> = errors.lines().filter(|line| line.contains("CONSOLE")).collect();
    assert_eq!(refused, Vec::<&str>::new());
    assert!(!dom.contains("<img") && !dom.contains("<title>taken"), "somebody got out");
    let changes = dom.matches("<article class=\"change").count();
    assert!(dom.contains(&format!("{changes} of {changes} shown")), "the script did not run");

    // A script that is not the page's own is refused.
    fs::write(&file, page.replace("</body>", FILTERED)).unwrap();
    let (dom, errors) = browsed(&browser, folder.path(), &file, &["--dump-dom"]);
    assert!(errors.contains("Content Security Policy"), "{errors}");
    assert!(!dom.contains("<title>shown"));

    // Without the policy it looks at the page: filters hide, and a phone scrolls one way.
    let (before, after) = page.split_once("<meta http-equiv").unwrap();
    let (_, after) = after.split_once('>').unwrap();
    let open = format!("{before}{}", after.replace("</body>", FILTERED));
    fs::write(&file, open).unwrap();
    let dangerous = page.matches("<article class=\"change bad").count();
    let (rows, all_rows) = rows_of_dangers(&page);
    assert!(0 < rows && rows < all_rows, "{rows} of {all_rows}");
    for size in ["--window-size=500,800", "--window-size=1280,900"] {
        let (dom, _) = browsed(&browser, folder.path(), &file, &["--dump-dom", size]);
        assert!(
            dom.contains(&format!("<title>shown {dangerous}, rows {rows}, wide false")),
            "{size}: {dom:.600}"
        );
    }
}
