//! From records to pages.

mod endpoint;
pub(crate) mod group;
mod html;
mod markdown;
pub(crate) mod number;
mod steps;
mod table;
mod terminal;
pub(crate) mod together;
mod verdict;
mod view;

pub(crate) use endpoint::final_policy;
pub(crate) use html::{html, html_of};
pub(crate) use markdown::{markdown, markdown_of};
pub(crate) use terminal::terminal;
pub(crate) use view::view;
