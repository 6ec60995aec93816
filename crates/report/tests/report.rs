//! What a reader of a report sees, from a folder that was written the way experiments write it.
mod fixture;

use equipoise_report::{Rendered, write_reports};
use fixture::{NASTY, experiment, folder, write};

fn rendered(name: &str) -> Rendered {
    let dir = folder(name);
    write(&experiment(), &dir);
    write_reports(&dir).unwrap()
}

#[test]
fn the_page_exists() {
    let pages = rendered("page");
    assert!(pages.html.contains("Equipoise"));
    assert!(!pages.html.contains(NASTY));
}
