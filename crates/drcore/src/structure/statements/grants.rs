//! The privileges of what is created again: exactly those that it had, whatever default privileges would give.

use crate::access::Privileges;
use crate::evidence::Catalog;
use crate::evidence::acl::Acl;
use crate::sql::ident;

/// Roles that default privileges commonly give everything to.
const USUAL: &[&str] = &["anon", "authenticated", "service_role"];

/// Takes what default privileges may have given, and gives what there was, to roles that are there.
pub(super) fn grants(target: &str, acl: &Acl, owner: &str, now: &Catalog) -> Vec<String> {
    let roles = now.roles.read().map_or(&[][..], Vec::as_slice);
    let is_there = |name: &str| roles.iter().any(|role| role.name == name);
    let usual = USUAL.iter().copied().filter(|role| is_there(role)).map(ident);
    let taken: Vec<String> = std::iter::once("public".to_owned()).chain(usual).collect();
    let mut statements = vec![format!("revoke all on {target} from {}", taken.join(", "))];
    for item in &acl.0 {
        if item.grantee == owner || !(item.grantee == "public" || is_there(&item.grantee)) {
            continue;
        }
        // Which of them it may give on is a star after the letter.
        let mut letters = item.privileges.chars().peekable();
        let (mut plain, mut with_option) = (String::new(), String::new());
        while let Some(letter) = letters.next() {
            match letters.next_if_eq(&'*') {
                Some(_) => with_option.push(letter),
                None => plain.push(letter),
            }
        }
        for (letters, option) in [(plain, ""), (with_option, " with grant option")] {
            let words = Privileges::of(&letters).words();
            if !words.is_empty() {
                let grantee =
                    if item.grantee == "public" { "public".to_owned() } else { ident(&item.grantee) };
                statements.push(format!("grant {} on {target} to {grantee}{option}", words.join(", ")));
            }
        }
    }
    statements
}
