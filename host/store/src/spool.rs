//! What cannot be written yet, in files: a line of JSON for each row, in order, on the disk before
//! anybody relies on it.
//!
//! A file that is full is not written again, and goes when all of it is in the database. How much of the
//! first one is there already stands beside it, so that what was deleted meanwhile does not come back. What
//! is written twice all the same replaces itself. A
//! line that a crash tore is set aside in `torn.jsonl`, what a database refused in `rejected.jsonl`.
//!
//! Everything here blocks.

use crate::tables::Row;
use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

const SEGMENT_BYTES: u64 = 8 * 1024 * 1024;
/// Beside a segment: how many of its bytes are in the database.
const WRITTEN: &str = "written";
const TORN: &str = "torn.jsonl";
const REJECTED: &str = "rejected.jsonl";

pub(crate) struct Spool {
    folder: PathBuf,
    segments: VecDeque<Segment>,
    /// the last of the segments, while it may be added to
    tail: Option<File>,
    /// how much of the first segment is in the database
    written: u64,
    /// what is in no database yet
    rows: u64,
    segment_bytes: u64,
    next: u64,
    /// what was set aside since the start
    set_aside: u64,
    rejected: u64,
}

struct Segment {
    path: PathBuf,
    bytes: u64,
}

/// Rows from the front, each with how many bytes it takes.
#[derive(Default)]
pub(crate) struct Front {
    pub(crate) rows: Vec<Row>,
    lengths: Vec<u64>,
}

impl Spool {
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let mut numbered: Vec<(u64, PathBuf)> = Vec::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            if let (Ok(number), Some("jsonl")) = (stem.parse(), path.extension().and_then(|e| e.to_str())) {
                numbered.push((number, path));
            }
        }
        numbered.sort();
        let mut spool = Self {
            folder: folder.to_owned(),
            segments: VecDeque::new(),
            tail: None,
            written: 0,
            rows: 0,
            segment_bytes: SEGMENT_BYTES,
            next: numbered.last().map_or(1, |(number, _)| number + 1),
            set_aside: 0,
            rejected: 0,
        };
        for (_, path) in numbered {
            spool.take_over(path)?;
        }
        Ok(spool)
    }

    /// A segment of a process that is gone.
    fn take_over(&mut self, path: PathBuf) -> io::Result<()> {
        let mut reader = BufReader::new(File::open(&path)?);
        // only of the first is a part written
        let written = fs::read_to_string(path.with_extension(WRITTEN)).unwrap_or_default();
        let written = written.trim().parse::<u64>().unwrap_or(0);
        let (mut bytes, mut rows, mut done) = (0, 0, 0);
        let mut line = Vec::new();
        loop {
            line.clear();
            let length = reader.read_until(b'\n', &mut line)? as u64;
            if length == 0 {
                break;
            }
            if line.last() != Some(&b'\n') {
                self.put_aside(&path, &line)?;
                let file = File::options().write(true).open(&path)?;
                file.set_len(bytes)?;
                file.sync_data()?;
                break;
            }
            bytes += length;
            rows += 1;
            // or a crash tore the number, and all of it is written again
            if bytes == written {
                done = rows;
            }
        }
        rows -= done;
        if rows == 0 {
            return remove(&path);
        }
        if self.segments.is_empty() && done > 0 {
            self.written = written;
        }
        self.rows += rows;
        self.segments.push_back(Segment { path, bytes });
        Ok(())
    }

    fn put_aside(&mut self, path: &Path, line: &[u8]) -> io::Result<()> {
        let aside = self.folder.join(TORN);
        tracing::error!(
            file = %path.display(), bytes = line.len(), aside = %aside.display(),
            "a line of what was kept for the database is torn and was set aside"
        );
        let mut whole = line.to_vec();
        if whole.last() != Some(&b'\n') {
            whole.push(b'\n');
        }
        append(&aside, &whole)?;
        self.set_aside += 1;
        Ok(())
    }

    /// All of them are on the disk, or none counts.
    pub(crate) fn append(&mut self, rows: &[Row]) -> io::Result<()> {
        let mut text = Vec::new();
        for row in rows {
            serde_json::to_writer(&mut text, row)?;
            text.push(b'\n');
        }
        let added = text.len() as u64;
        let full = |last: &Segment| last.bytes > 0 && last.bytes + added > self.segment_bytes;
        let full = self.segments.back().is_none_or(full);
        let tail = match self.tail.take() {
            Some(tail) if !full => tail,
            _ => self.begin()?,
        };
        let Some(last) = self.segments.back_mut() else { return Ok(()) };
        let kept = (&tail).write_all(&text).and_then(|()| tail.sync_data());
        if let Err(error) = kept {
            // what did arrive is taken back; if even that fails, the next rows go into a file of their
            // own and the reader stops at what it knows of this one
            let whole = tail.set_len(last.bytes);
            if last.bytes == 0 {
                let _ = fs::remove_file(&last.path);
                self.segments.pop_back();
            } else if whole.is_ok() {
                self.tail = Some(tail);
            }
            return Err(error);
        }
        last.bytes += added;
        self.rows += rows.len() as u64;
        self.tail = Some(tail);
        Ok(())
    }

    fn begin(&mut self) -> io::Result<File> {
        let path = self.folder.join(format!("{:012}.jsonl", self.next));
        let file = File::options().create_new(true).append(true).open(&path)?;
        self.next += 1;
        // or the file might be lost although its lines are not
        File::open(&self.folder)?.sync_all()?;
        self.segments.push_back(Segment { path, bytes: 0 });
        Ok(file)
    }

    /// The first rows. They stay until [`advance`](Self::advance).
    pub(crate) fn front(&mut self, most: usize) -> io::Result<Front> {
        let mut front = Front::default();
        while front.rows.is_empty() && self.rows > 0 {
            let Some(first) = self.segments.front() else { return Ok(front) };
            let (path, left) = (first.path.clone(), first.bytes.saturating_sub(self.written));
            let mut file = File::open(&path)?;
            file.seek(SeekFrom::Start(self.written))?;
            let mut reader = BufReader::new(file.take(left));
            let mut line = Vec::new();
            while front.rows.len() < most {
                line.clear();
                let length = reader.read_until(b'\n', &mut line)? as u64;
                if length == 0 {
                    break;
                }
                match serde_json::from_slice(&line) {
                    Ok(row) => {
                        front.rows.push(row);
                        front.lengths.push(length);
                    }
                    // in its turn, when it is the first
                    Err(_) if !front.rows.is_empty() => break,
                    Err(_) => {
                        self.put_aside(&path, &line)?;
                        self.gone(length, 1)?;
                        break;
                    }
                }
            }
        }
        Ok(front)
    }

    /// So many of the front are dealt with.
    pub(crate) fn advance(&mut self, front: &Front, rows: usize) -> io::Result<()> {
        let bytes = front.lengths.iter().take(rows).sum();
        self.gone(bytes, rows.min(front.lengths.len()) as u64)
    }

    /// The whole front, as it was added.
    pub(crate) fn front_of(rows: Vec<Row>) -> Front {
        let length = |row| serde_json::to_vec(row).map_or(0, |text| text.len() as u64 + 1);
        let lengths = rows.iter().map(length).collect();
        Front { rows, lengths }
    }

    fn gone(&mut self, bytes: u64, rows: u64) -> io::Result<()> {
        self.written += bytes;
        self.rows = self.rows.saturating_sub(rows);
        if self.segments.front().is_some_and(|first| self.written >= first.bytes)
            && let Some(first) = self.segments.pop_front()
        {
            self.written = 0;
            if self.segments.is_empty() {
                self.tail = None;
            }
            return remove(&first.path);
        }
        match self.segments.front() {
            Some(first) if rows > 0 => {
                fs::write(first.path.with_extension(WRITTEN), self.written.to_string())
            }
            _ => Ok(()),
        }
    }

    /// A row that no database will take, with the reason.
    pub(crate) fn reject(&mut self, row: &Row, reason: &str) -> io::Result<()> {
        let mut text = serde_json::to_vec(&serde_json::json!({ "reason": reason, "row": row }))?;
        text.push(b'\n');
        self.rejected += 1;
        append(&self.folder.join(REJECTED), &text)
    }

    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    pub(crate) fn rejected(&self) -> u64 {
        self.rejected
    }

    pub(crate) fn set_aside(&self) -> u64 {
        self.set_aside
    }
}

/// The file first: without it, what stands beside it means nothing.
fn remove(segment: &Path) -> io::Result<()> {
    fs::remove_file(segment)?;
    match fs::remove_file(segment.with_extension(WRITTEN)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn append(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = File::options().create(true).append(true).open(path)?;
    file.write_all(text)?;
    file.sync_data()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::Table;
    use serde_json::json;

    fn row(position: u64) -> Row {
        let values = json!({ "conversation_id": "a", "position": position });
        Row { table: Table::Turns, values: values.as_object().unwrap().clone() }
    }

    fn positions(front: &Front) -> Vec<u64> {
        front.rows.iter().map(|row| row.values["position"].as_u64().unwrap()).collect()
    }

    fn segments(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().filter(|e| e.as_ref().unwrap().path().extension().is_some()).count()
    }

    #[test]
    fn rows_come_back_in_order_over_many_files_which_go_as_they_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(folder.path()).unwrap();
        spool.segment_bytes = 100;
        for position in 0..20 {
            spool.append(&[row(position)]).unwrap();
        }
        assert_eq!(spool.rows(), 20);
        let before = segments(folder.path());
        assert!(before > 5, "{before}");
        let mut seen = Vec::new();
        while spool.rows() > 0 {
            let front = spool.front(3).unwrap();
            seen.extend(positions(&front));
            spool.advance(&front, front.rows.len()).unwrap();
        }
        assert_eq!(seen, (0..20).collect::<Vec<_>>());
        assert_eq!(segments(folder.path()), 0);
        spool.append(&[row(20)]).unwrap();
        assert_eq!(positions(&spool.front(3).unwrap()), [20]);
    }

    #[test]
    fn a_part_that_was_written_is_not_read_again_by_another_process_either() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(folder.path()).unwrap();
        spool.append(&[row(0), row(1), row(2)]).unwrap();
        let front = spool.front(10).unwrap();
        spool.advance(&front, 2).unwrap();
        assert_eq!(positions(&spool.front(10).unwrap()), [2]);
        drop(spool);
        let mut next = Spool::open(folder.path()).unwrap();
        assert_eq!((next.rows(), positions(&next.front(10).unwrap())), (1, vec![2]));
        next.append(&[row(3)]).unwrap();
        let front = next.front(10).unwrap();
        next.advance(&front, 1).unwrap();
        assert_eq!(positions(&next.front(10).unwrap()), [3]);
        let front = next.front(10).unwrap();
        next.advance(&front, 1).unwrap();
        assert_eq!(segments(folder.path()), 0, "and nothing is left behind");
    }

    #[test]
    fn a_torn_last_line_is_set_aside_and_a_line_that_is_no_row_too() {
        let folder = tempfile::tempdir().unwrap();
        let whole = serde_json::to_string(&row(1)).unwrap();
        let next = serde_json::to_string(&row(2)).unwrap();
        let file = folder.path().join("000000000007.jsonl");
        fs::write(&file, format!("{whole}\nnonsense\n{next}\n{{\"table\":\"tur")).unwrap();
        let mut spool = Spool::open(folder.path()).unwrap();
        assert_eq!(spool.set_aside(), 1);
        let mut seen = Vec::new();
        while spool.rows() > 0 {
            let front = spool.front(10).unwrap();
            seen.extend(positions(&front));
            spool.advance(&front, front.rows.len()).unwrap();
        }
        assert_eq!(seen, [1, 2]);
        let torn = fs::read_to_string(folder.path().join(TORN)).unwrap();
        assert_eq!(torn, "{\"table\":\"tur\nnonsense\n");
        assert!(!file.exists());
    }

    #[test]
    fn a_disk_that_is_full_costs_nothing_that_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(folder.path()).unwrap();
        spool.append(&[row(0)]).unwrap();
        // writes to it fail with ENOSPC
        spool.tail = Some(File::options().write(true).open("/dev/full").unwrap());
        spool.append(&[row(1)]).unwrap_err();
        spool.append(&[row(2)]).unwrap();
        assert_eq!(spool.rows(), 2);
        assert_eq!(positions(&spool.front(1).unwrap()), [0]);
        let front = spool.front(1).unwrap();
        spool.advance(&front, 1).unwrap();
        assert_eq!(positions(&spool.front(1).unwrap()), [2]);
    }
}
