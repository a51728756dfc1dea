//! From text to a checked expression. It looks up every path in the schema, and evaluates
//! nothing.

use super::schema::{self, Kind};
use super::{
    Comparison, DEPTH_MAX, EXPRESSION_BYTES_MAX, ExpressionError, Literal, Node, Operator,
    parse_time,
};

/// Operators, the longer of two that begin alike first.
const OPERATORS: &[(&str, Operator)] = &[
    ("!=", Operator::NotEqual),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("=", Operator::Equal),
    ("<", Operator::Less),
    (">", Operator::Greater),
];

type Result<T> = std::result::Result<T, ExpressionError>;

/// A place in the text.
struct Parser<'a> {
    text: &'a str,
    /// Byte offset.
    at: usize,
    depth: usize,
}

pub(super) fn parse(text: &str) -> Result<Node> {
    let mut parser = Parser {
        text,
        at: 0,
        depth: 0,
    };
    if text.len() > EXPRESSION_BYTES_MAX {
        let message = format!("expected at most {EXPRESSION_BYTES_MAX} bytes");
        return Err(parser.fault(0, message));
    }
    let node = parser.any()?;
    parser.skip_spaces();
    if parser.at < text.len() {
        let at = parser.at;
        return Err(parser.fault(at, "expected and, or, or the end"));
    }
    Ok(node)
}

impl<'a> Parser<'a> {
    fn any(&mut self) -> Result<Node> {
        let mut nodes = vec![self.all()?];
        while self.take_keyword("or") {
            nodes.push(self.all()?);
        }
        Ok(single(nodes, Node::Any))
    }

    fn all(&mut self) -> Result<Node> {
        let mut nodes = vec![self.term()?];
        while self.take_keyword("and") {
            nodes.push(self.term()?);
        }
        Ok(single(nodes, Node::All))
    }

    fn term(&mut self) -> Result<Node> {
        self.skip_spaces();
        let start = self.at;
        if self.depth == DEPTH_MAX {
            let message = format!("expected at most {DEPTH_MAX} levels of not and parentheses");
            return Err(self.fault(start, message));
        }
        self.depth += 1;
        let node = if self.take_keyword("not") {
            Node::Not(Box::new(self.term()?))
        } else if self.take("(") {
            let node = self.any()?;
            self.skip_spaces();
            if !self.take(")") {
                let at = self.at;
                return Err(self.fault(at, "expected ), and, or or"));
            }
            node
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(node)
    }

    fn comparison(&mut self) -> Result<Node> {
        self.skip_spaces();
        let start = self.at;
        let word = self.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
        if word.is_empty() {
            return Err(self.fault(start, "expected a path such as category or risk.score"));
        }
        let path: Vec<String> = word.split('.').map(str::to_owned).collect();
        let kind = schema::kind(&path).map_err(|message| self.fault(start, message))?;
        self.skip_spaces();
        let at = self.at;
        let operator = OPERATORS.iter().find(|(sign, _)| self.take(sign));
        let Some(&(_, operator)) = operator else {
            let message = format!("expected =, !=, <, <=, > or >= after {word}");
            return Err(self.fault(at, message));
        };
        let literal = self.literal(word, kind)?;
        Ok(Node::Compare(Comparison {
            path,
            operator,
            literal,
        }))
    }

    fn literal(&mut self, path: &str, kind: Kind) -> Result<Literal> {
        self.skip_spaces();
        let start = self.at;
        let quote = self.rest().chars().next().filter(|c| matches!(c, '"' | '\''));
        let text = if let Some(quote) = quote {
            self.at += 1;
            let text = self.take_while(|c| c != quote);
            if self.rest().is_empty() {
                return Err(self.fault(start, "expected a closing quote"));
            }
            self.at += 1;
            text
        } else {
            self.take_while(|c| !c.is_whitespace() && !"()\"'=<>!".contains(c))
        };
        let keyword = ["and", "or", "not"].iter().any(|k| text.eq_ignore_ascii_case(k));
        if quote.is_none() && (text.is_empty() || keyword) {
            let message = format!("expected a value to compare {path} with");
            return Err(self.fault(start, message));
        }
        literal(kind, text).ok_or_else(|| {
            let message = format!("{path} is {}, and {text:?} is none", kind.described());
            self.fault(start, message)
        })
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_spaces(&mut self) {
        self.take_while(char::is_whitespace);
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let len = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        self.at += len;
        rest.get(..len).unwrap_or_default()
    }

    fn take(&mut self, sign: &str) -> bool {
        let there = self.rest().starts_with(sign);
        if there {
            self.at += sign.len();
        }
        there
    }

    /// A word that joins, in either case; what follows it must not belong to it.
    fn take_keyword(&mut self, keyword: &str) -> bool {
        let before = self.at;
        self.skip_spaces();
        let word = self.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
        let there = word.eq_ignore_ascii_case(keyword);
        if !there {
            self.at = before;
        }
        there
    }

    fn fault(&self, at: usize, message: impl Into<String>) -> ExpressionError {
        let before = self.text.get(..at).unwrap_or_default();
        ExpressionError {
            position: before.chars().count() + 1,
            message: message.into(),
        }
    }
}

fn single(mut nodes: Vec<Node>, join: fn(Vec<Node>) -> Node) -> Node {
    match nodes.len() {
        1 => nodes.remove(0),
        _ => join(nodes),
    }
}

/// The literal that a text is, where the path holds this kind.
fn literal(kind: Kind, text: &str) -> Option<Literal> {
    match kind {
        Kind::Number => {
            let number = text.parse().ok().filter(|number: &f64| number.is_finite());
            number.map(Literal::Number)
        }
        Kind::Bool => text.parse().ok().map(Literal::Bool),
        Kind::Text => Some(Literal::Text(text.to_owned())),
        Kind::Time => parse_time(text).map(Literal::Time),
        Kind::Address => text.parse().ok().map(Literal::Address),
    }
}
