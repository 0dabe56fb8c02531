//! Plots as SVG.

use std::fmt::Display;

use plotters::prelude::*;

use crate::error::SimError;

/// Size of a plot, in pixels.
const SIZE: (u32, u32) = (900, 460);

/// A drawn plot.
#[derive(Clone, Debug)]
pub struct Plot {
    /// Name of its file.
    pub file: &'static str,
    /// What is in it.
    pub svg: String,
}

/// A line with its name.
#[derive(Clone, Debug)]
pub struct Line {
    /// In the legend.
    pub name: String,
    /// Ascending by the first.
    pub points: Vec<(f64, f64)>,
}

/// What stands around the lines.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Above.
    pub title: &'a str,
    /// Below.
    pub x: &'a str,
    /// At the side.
    pub y: &'a str,
}

fn failed(error: impl Display) -> SimError {
    SimError::Plot(error.to_string())
}

/// Lines over one pair of axes.
///
/// # Errors
/// [`SimError::Plot`].
pub fn lines(file: &'static str, frame: Frame<'_>, lines: &[Line]) -> Result<Plot, SimError> {
    let ends = |of: fn(&(f64, f64)) -> f64| {
        let all = || lines.iter().flat_map(|line| &line.points).map(of);
        let (least, most) = (all().fold(f64::MAX, f64::min), all().fold(f64::MIN, f64::max));
        if least > most { (0.0, 1.0) } else { (least, if most > least { most } else { least + 1.0 }) }
    };
    let ((left, right), (low, high)) = (ends(|point| point.0), ends(|point| point.1));
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        root.fill(&WHITE).map_err(failed)?;
        let mut chart = ChartBuilder::on(&root)
            .caption(frame.title, ("sans-serif", 20))
            .margin(12)
            .x_label_area_size(44)
            .y_label_area_size(64)
            .build_cartesian_2d(left..right, low.min(0.0)..high * 1.05)
            .map_err(failed)?;
        chart.configure_mesh().x_desc(frame.x).y_desc(frame.y).light_line_style(WHITE).draw().map_err(failed)?;
        for (number, line) in lines.iter().enumerate() {
            let color = Palette99::pick(number).to_rgba();
            chart
                .draw_series(LineSeries::new(line.points.iter().copied(), color.stroke_width(2)))
                .map_err(failed)?
                .label(line.name.as_str())
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color.stroke_width(2)));
        }
        let labels = chart.configure_series_labels().background_style(WHITE.mix(0.85)).border_style(BLACK).draw();
        labels.map_err(failed)?;
        root.present().map_err(failed)?;
    }
    Ok(Plot { file, svg })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_has_its_lines_and_words() {
        let frame = Frame { title: "Rates", x: "time", y: "share" };
        let drawn = lines("a.svg", frame, &[Line { name: "one".to_owned(), points: vec![(0.0, 1.0), (2.0, 3.0)] }]);
        let svg = drawn.expect("drawn").svg;
        assert!(svg.contains("<svg") && svg.contains("Rates") && svg.contains("one") && svg.contains("polyline"));
        assert!(lines("b.svg", frame, &[]).is_ok(), "nothing to draw is no failure");
    }
}
