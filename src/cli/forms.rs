//! Which options a form of a plan heeds. An option that a form would leave out is an error: nobody
//! is to look for what is not there.
//!
//! The forms themselves are [`crate::plan::show`]'s.

use clap::ValueEnum as _;

use super::args::Format;
use super::report::{Exit, Failure};

/// The options that only some forms heed, with those forms.
const OPTIONS: [(&str, &[Format]); 4] = [
    ("--undo", &[Format::Text]),
    ("--steps", &[Format::Text, Format::Markdown]),
    ("--meta", &[Format::Text, Format::Markdown, Format::Html]),
    ("--since", &[Format::Text, Format::Markdown, Format::Html]),
];

/// Refuses the options in `said` that this form does not heed. The form of a result heeds none.
pub fn heeds(form: Format, of_result: bool, said: &[(&str, bool)]) -> Result<(), Failure> {
    let is_said = |option: &str| said.iter().any(|(name, is)| *is && *name == option);
    let ignored = |(option, forms): &&(&str, &[Format])| {
        is_said(option) && (of_result || !forms.contains(&form))
    };
    let Some((option, forms)) = OPTIONS.iter().find(ignored) else { return Ok(()) };
    let (message, hint) = if of_result {
        (
            format!("expected a plan beside `{option}`, but found a result"),
            "leave it out".to_owned(),
        )
    } else {
        let words: Vec<String> = forms.iter().map(|form| format!("`{}`", word(*form))).collect();
        let found = word(form);
        let message =
            format!("expected another form beside `{option}`, but found `--format {found}`");
        (message, format!("the forms that take it: {}", words.join(", ")))
    };
    Err(Failure::new(Exit::Usage, message).hint(hint))
}

/// A form as it is typed.
fn word(form: Format) -> String {
    form.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_form_leaves_out_is_refused_with_the_forms_that_tell_it() {
        let said = [("--steps", true), ("--meta", false)];
        assert!(heeds(Format::Text, false, &said).is_ok());
        assert!(heeds(Format::Json, false, &[("--steps", false)]).is_ok());
        let told = |form, of_result| heeds(form, of_result, &said).unwrap_err().to_string();
        insta::assert_snapshot!(told(Format::Html, false), @"
        error: expected another form beside `--steps`, but found `--format html`
        hint: the forms that take it: `text`, `markdown`
        ");
        insta::assert_snapshot!(told(Format::Text, true), @"
        error: expected a plan beside `--steps`, but found a result
        hint: leave it out
        ");
    }
}
