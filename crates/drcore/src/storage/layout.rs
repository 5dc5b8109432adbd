//! Where Supabase Storage keeps the bytes of an object: `<tenant>/<bucket>/<name>/<version>`.

use std::borrow::Cow;

/// How the paths of a store are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyForm {
    /// As they are: `a//b` is not `a/b`.
    Exact,
    /// As the names that the storage service is asked for: what belongs to the version is no part of them.
    Name,
    /// As paths of a file system, where it is.
    Path,
}

/// What stands before the version where the server was told to write it so.
const SEPARATOR: &str = "-$v-";
/// What an upload in pieces leaves beside the bytes.
const SIDE_FILES: &[&str] = &[".info", ".json", ".part"];
/// Directories beside the tenants that hold no tenant's objects.
pub(crate) const NO_TENANTS: &[&str] = &["__internal", "multiparts"];

/// The place of an object below its tenant, in the order that rows and listings are compared in: what it
/// belongs to first, so that all versions of one name lie together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place(Vec<u8>);

impl Place {
    /// Of the path that a store lists: `bucket/name/version`. Also says whether the version is written
    /// after a separator of its own.
    pub(crate) fn listed(path: &str) -> (Self, bool) {
        let (parent, last) = path.rsplit_once('/').unwrap_or(("", path));
        match last.rsplit_once(SEPARATOR) {
            Some((name, version)) if is_version(version.as_bytes()) => {
                let parent = if parent.is_empty() { name.to_owned() } else { format!("{parent}/{name}") };
                (Self::new(&parent, version), true)
            }
            _ => (Self::new(parent, last), false),
        }
    }

    /// Of what a row says: rows from before there were versions have none.
    pub(crate) fn of_row(bucket: &str, name: &str, version: Option<&str>, form: KeyForm) -> Self {
        if form == KeyForm::Name {
            let object = format!("{bucket}/{name}");
            return match version {
                Some(version) => Self::new(&object, version),
                None => Self(object.into_bytes()),
            };
        }
        // As nearly every row is, and the same as what follows.
        if let (KeyForm::Exact, Some(version)) = (form, version)
            && is_version(version.as_bytes())
        {
            return Self::new(&format!("{bucket}/{name}"), version);
        }
        let mut path = format!("{bucket}/{name}");
        if let Some(version) = version {
            path.push('/');
            path.push_str(version);
        }
        let path = match form {
            KeyForm::Exact | KeyForm::Name => Cow::Borrowed(path.as_str()),
            KeyForm::Path => normal(&path),
        };
        Self::listed(&path).0
    }

    fn new(parent: &str, last: &str) -> Self {
        let mut bytes = Vec::with_capacity(parent.len() + 1 + last.len());
        bytes.extend_from_slice(parent.as_bytes());
        // In no text of the database, and less than whatever else may follow.
        bytes.push(0);
        bytes.extend_from_slice(last.as_bytes());
        Self(bytes)
    }

    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// What all versions of the object have in common.
    pub(crate) fn parent(&self) -> &[u8] {
        parent(&self.0)
    }

    fn parts(&self) -> (Cow<'_, str>, Cow<'_, str>) {
        (String::from_utf8_lossy(parent(&self.0)), String::from_utf8_lossy(last(&self.0)))
    }

    /// The bucket, which is the first part of the path.
    pub(crate) fn bucket(&self) -> String {
        String::from_utf8_lossy(bucket(&self.0)).into_owned()
    }

    /// The path below the tenant.
    pub(crate) fn path(&self) -> String {
        match self.parts() {
            // A name by itself.
            (parent, _) if !self.0.contains(&0) => parent.into_owned(),
            (parent, last) if parent.is_empty() => last.into_owned(),
            (parent, last) => format!("{parent}/{last}"),
        }
    }

    /// The path with the separator of its own before the version.
    pub(crate) fn separated(&self) -> String {
        let (parent, last) = self.parts();
        format!("{parent}{SEPARATOR}{last}")
    }

    /// The path below the bucket, for people.
    pub(crate) fn in_bucket(&self) -> String {
        let path = self.path();
        path.split_once('/').map_or_else(|| path.clone(), |(_, rest)| rest.to_owned())
    }

    /// The object's name below its bucket, and its version where it has one.
    pub(super) fn name_and_version(&self) -> (String, Option<String>) {
        let below =
            |path: &str| path.split_once('/').map_or_else(|| path.to_owned(), |(_, rest)| rest.to_owned());
        if self.has_version() {
            let (parent, last) = self.parts();
            return (below(&parent), Some(last.into_owned()));
        }
        (below(&self.path()), None)
    }

    /// Whether it ends in a version.
    pub(crate) fn has_version(&self) -> bool {
        has_version(&self.0)
    }
}

/// What all versions of the object at a place have in common.
pub(super) fn parent(place: &[u8]) -> &[u8] {
    let at = place.iter().position(|byte| *byte == 0).unwrap_or(place.len());
    &place[..at]
}

/// The version at the end of a place, or the end of the name where there is none.
pub(super) fn last(place: &[u8]) -> &[u8] {
    place.get(parent(place).len() + 1..).unwrap_or_default()
}

/// The bucket of a place, which is the first part of its path.
pub(super) fn bucket(place: &[u8]) -> &[u8] {
    let path = match parent(place) {
        [] => last(place),
        parent => parent,
    };
    path.split(|byte| *byte == b'/').next().unwrap_or_default()
}

/// Whether a place ends in a version.
pub(super) fn has_version(place: &[u8]) -> bool {
    is_version(last(place))
}

/// The version that the file at a place lies beside, where it is what an upload in pieces leaves.
pub(super) fn beside(place: &[u8]) -> Option<&[u8]> {
    let last = last(place);
    SIDE_FILES.iter().filter_map(|ending| last.strip_suffix(ending.as_bytes())).find(|stem| is_version(stem))
}

/// Whether this is how versions are written: a UUID.
pub(crate) fn is_version(text: &[u8]) -> bool {
    text.len() == 36
        && text.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// The path as a file system understands it.
fn normal(path: &str) -> Cow<'_, str> {
    if !path.contains("//") && !path.contains("/./") {
        return Cow::Borrowed(path);
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    Cow::Owned(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const V: &str = "1f9d7a52-3c0e-4b57-9a2e-8a7d6f0c1b2d";

    #[test]
    fn rows_and_listings_meet_however_the_version_is_written() {
        let row = Place::of_row("images", "a/b", Some(V), KeyForm::Exact);
        assert_eq!(Place::listed(&format!("images/a/b/{V}")), (row.clone(), false));
        assert_eq!(Place::listed(&format!("images/a/b-$v-{V}")), (row.clone(), true));
        assert_eq!(row.separated(), format!("images/a/b-$v-{V}"));
        assert_eq!((row.bucket().as_str(), row.in_bucket()), ("images", format!("a/b/{V}")));
        // A name that only looks like it.
        let odd = Place::of_row("images", "a-$v-b", None, KeyForm::Exact);
        assert_eq!(Place::listed("images/a-$v-b"), (odd, false));
        let old = Place::of_row("images", "old.png", None, KeyForm::Exact);
        assert_eq!(Place::listed("images/old.png").0, old);
        assert!(row.has_version() && !old.has_version());
    }

    #[test]
    fn versions_of_one_name_lie_together() {
        let names = ["a", "a ", "a-1", "a/", "a/b", "ä", "🙂"];
        let mut places: Vec<Place> = names
            .iter()
            .flat_map(|name| [V, "0f9d7a52-3c0e-4b57-9a2e-8a7d6f0c1b2d"].map(|v| (*name, v)))
            .map(|(name, version)| Place::of_row("b", name, Some(version), KeyForm::Exact))
            .collect();
        places.sort();
        let parents: Vec<&[u8]> = places.iter().map(Place::parent).collect();
        let mut runs = parents.clone();
        runs.dedup();
        assert_eq!(runs.len(), names.len(), "a name is torn apart");
        assert_eq!(Place::listed(&format!("b/a//{V}")).0, Place::of_row("b", "a/", Some(V), KeyForm::Exact));
        assert_eq!(Place::of_row("b", "a/", Some(V), KeyForm::Path), Place::listed(&format!("b/a/{V}")).0);
    }

    #[test]
    fn a_name_is_kept_as_the_service_knows_it() {
        for name in ["a", "a/b", "folder/", "a//b", "a-$v-1f9d7a52-3c0e-4b57-9a2e-8a7d6f0c1b2d"] {
            for version in [None, Some(V)] {
                let place = Place::of_row("images", name, version, KeyForm::Name);
                assert_eq!(place.parent(), format!("images/{name}").as_bytes());
                let shown = version.map_or(name.to_owned(), |version| format!("{name}/{version}"));
                assert_eq!((place.bucket().as_str(), place.in_bucket()), ("images", shown));
            }
        }
    }

    #[test]
    fn what_uploads_leave_is_known() {
        for (path, beside) in [
            (format!("b/n/{V}.info"), Some(V)),
            (format!("b/n/{V}.json"), Some(V)),
            ("b/config.json".to_owned(), None),
            (format!("b/n/{V}"), None),
        ] {
            let place = Place::listed(&path).0;
            assert_eq!(super::beside(place.as_bytes()), beside.map(str::as_bytes), "{path}");
        }
    }
}
