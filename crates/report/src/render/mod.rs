//! From records to pages.

mod answer;
mod cross_game;
mod endpoint;
mod estimate;
mod html;
mod learning;
mod markdown;
mod population;
mod steps;
mod table;
mod terminal;
mod verdict;
mod view;

pub(crate) use html::{html, html_of};
pub(crate) use markdown::{markdown, markdown_of};
pub(crate) use table::{Cell, Column};
pub(crate) use terminal::terminal;
pub(crate) use view::{View, draw, words};
