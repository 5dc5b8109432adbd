//! Sets of privileges.

/// Privileges, in PostgreSQL's order; each by itself, and as one that may be granted on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Privileges {
    held: u16,
    /// WITH GRANT OPTION.
    passed_on: u16,
}

/// Every privilege: its letter in access control lists and its word in GRANT.
const WORDS: &[(char, &str)] = &[
    ('r', "select"),
    ('a', "insert"),
    ('w', "update"),
    ('d', "delete"),
    ('D', "truncate"),
    ('x', "references"),
    ('t', "trigger"),
    ('m', "maintain"),
    ('X', "execute"),
    ('U', "usage"),
    ('C', "create"),
    ('c', "connect"),
    ('T', "temporary"),
    ('s', "set"),
    ('A', "alter system"),
];

fn bit(letter: char) -> u16 {
    WORDS.iter().position(|(known, _)| *known == letter).map_or(0, |at| 1 << at)
}

impl Privileges {
    /// What these letters of an access control list say, without grant options.
    pub(crate) fn of(letters: &str) -> Self {
        Self { held: letters.chars().map(bit).fold(0, |all, one| all | one), passed_on: 0 }
    }

    /// The same with grant options, which are written as a star after the letter.
    pub(crate) fn with_options(letters: &str) -> Self {
        let starred = letters.chars().zip(letters.chars().skip(1)).filter(|(_, next)| *next == '*');
        Self { passed_on: starred.fold(0, |all, (letter, _)| all | bit(letter)), ..Self::of(letters) }
    }

    /// These with the right to grant each of them.
    pub(crate) fn grantable(self) -> Self {
        Self { passed_on: self.held, ..self }
    }

    pub(crate) fn is_empty(self) -> bool {
        self.held | self.passed_on == 0
    }

    pub(crate) fn has(self, letter: char) -> bool {
        self.held & bit(letter) != 0
    }

    /// The words of GRANT, in order.
    pub(crate) fn words(self) -> Vec<String> {
        words(self.held).map(str::to_owned).collect()
    }

    /// As people say it: `select, insert with grant option`.
    pub(crate) fn said(self) -> Vec<String> {
        let plain = words(self.held & !self.passed_on).map(str::to_owned);
        plain.chain(words(self.passed_on).map(|word| format!("{word} with grant option"))).collect()
    }

    /// What a statement that grants or revokes them says: the words, what stands before them, and what at its end.
    /// To revoke a privilege revokes the option to grant it too.
    pub(crate) fn clauses(self, verb: &str) -> Vec<(Vec<String>, &'static str, &'static str)> {
        let collect = |bits: u16| words(bits).map(str::to_owned).collect::<Vec<_>>();
        let both = if verb == "revoke" {
            [(collect(self.held), "", ""), (collect(self.passed_on & !self.held), "grant option for ", "")]
        } else {
            [
                (collect(self.held & !self.passed_on), "", ""),
                (collect(self.passed_on), "", " with grant option"),
            ]
        };
        both.into_iter().filter(|(words, ..)| !words.is_empty()).collect()
    }

    #[must_use]
    pub(crate) fn and(self, other: Self) -> Self {
        Self { held: self.held | other.held, passed_on: self.passed_on | other.passed_on }
    }

    #[must_use]
    pub(crate) fn without(self, other: Self) -> Self {
        Self { held: self.held & !other.held, passed_on: self.passed_on & !other.passed_on }
    }

    #[must_use]
    pub(crate) fn only(self, other: Self) -> Self {
        Self { held: self.held & other.held, passed_on: self.passed_on & other.passed_on }
    }
}

fn words(bits: u16) -> impl Iterator<Item = &'static str> {
    WORDS.iter().enumerate().filter(move |(at, _)| bits & (1 << at) != 0).map(|(_, (_, word))| *word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_that_is_read_is_counted() {
        let words: String = WORDS.iter().map(|(letter, _)| *letter).collect();
        assert_eq!(words, crate::evidence::acl::LETTERS);
    }

    #[test]
    fn grant_options_are_privileges_of_their_own() {
        let some = Privileges::with_options("ar*w*");
        assert_eq!(some.words(), ["select", "insert", "update"]);
        assert_eq!(some.said(), ["insert", "select with grant option", "update with grant option"]);
        assert_eq!(
            some.without(Privileges::of("ra")).said(),
            ["select with grant option", "update with grant option"]
        );
        assert_eq!(Privileges::of("r").grantable(), Privileges::with_options("r*"));
    }

    #[test]
    fn statements_say_what_is_held_and_what_may_be_granted_on() {
        let clauses = |verb, letters| -> Vec<String> {
            let clauses = Privileges::with_options(letters).clauses(verb);
            clauses
                .into_iter()
                .map(|(words, before, after)| format!("{before}{}{after}", words.join(", ")))
                .collect()
        };
        assert_eq!(clauses("grant", "ar*"), ["insert", "select with grant option"]);
        assert_eq!(clauses("revoke", "ar*"), ["select, insert"]);
        let only_the_option = Privileges::with_options("r*").without(Privileges::of("r"));
        assert_eq!(only_the_option.clauses("revoke"), [(vec!["select".to_owned()], "grant option for ", "")]);
    }
}
