//! Paints the live DAG: the selected chain as a quiet spine, the other blocks hanging from it.

use crate::dom;
use crate::state::dag::{BlockState, Dag, Placed};
use std::collections::BTreeMap;
use std::f64::consts::TAU;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement};

/// Share of the way to its place that a block goes in one frame: there in about a fifth of a second.
const EASE: f64 = 0.22;
/// Distance, in px, below which a block is at its place.
const AT_REST: f64 = 0.3;

/// Colours of the theme, read once per change.
#[derive(Debug, Clone, Default)]
pub(crate) struct Palette {
    theme: String,
    line: String,
    accent: String,
    ink: String,
    ground: String,
    seen: String,
    accepted: String,
    confirmed: String,
    last: String,
    outside: String,
}

impl Palette {
    /// The colours as they are now.
    pub(crate) fn read() -> Self {
        Self {
            theme: dom::root().and_then(|r| r.get_attribute("data-theme")).unwrap_or_default(),
            line: dom::token("--dag-line"),
            accent: dom::token("--accent"),
            ink: dom::token("--ink"),
            ground: dom::token("--bg"),
            seen: dom::token("--seen"),
            accepted: dom::token("--accepted"),
            confirmed: dom::token("--confirmed"),
            last: dom::token("--final"),
            outside: dom::token("--bad"),
        }
    }

    fn of(&self, state: BlockState) -> &str {
        match state {
            BlockState::Seen => &self.seen,
            BlockState::Accepted => &self.accepted,
            BlockState::Confirmed => &self.confirmed,
            BlockState::Final => &self.last,
            BlockState::Outside => &self.outside,
        }
    }
}

/// Sizes of a drawing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    /// Width of a column.
    pub(crate) step: f64,
    /// Side of a block.
    pub(crate) side: f64,
    /// Whether own payments get their label.
    pub(crate) labels: bool,
}

/// The picture: camera and places, which move softly.
#[derive(Debug, Default)]
pub(crate) struct Picture {
    camera: Option<f64>,
    heights: BTreeMap<String, f64>,
    width: f64,
    height: f64,
}

impl Picture {
    /// Draws a frame; true while something still moves. `steady` puts everything in its place at once.
    pub(crate) fn paint(
        &mut self,
        canvas: &HtmlCanvasElement,
        dag: &Dag,
        palette: &Palette,
        scale: Scale,
        picked: Option<&str>,
        steady: bool,
    ) -> bool {
        let Some(context) = self.fit(canvas) else { return false };
        context.clear_rect(0.0, 0.0, self.width, self.height);
        let mut moving = self.step_camera(dag, scale, steady);
        moving |= self.step_heights(dag, scale, steady);
        self.edges(&context, dag, palette, scale);
        for placed in dag.iter() {
            if let Some((x, y)) = self.visible(placed, scale) {
                block(&context, placed, x, y, palette, scale.side, picked);
            }
        }
        if scale.labels {
            self.labels(&context, dag, palette, scale);
        }
        // For whoever looks on from outside: what the canvas shows now, a frame after the page knows.
        show(canvas, "data-painted", &palette.theme);
        show(canvas, "data-blocks", &dag.iter().count().to_string());
        moving
    }

    /// The block under a point.
    pub(crate) fn hit(&self, dag: &Dag, scale: Scale, x: f64, y: f64) -> Option<String> {
        let reach = scale.side.max(22.0) / 2.0 + 4.0;
        let far = |p: &Placed| self.visible(p, scale).map(|(px, py)| (px - x).hypot(py - y));
        let near = dag.iter().filter_map(|p| Some((far(p)?, p))).filter(|(far, _)| *far <= reach);
        near.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, p)| p.block.hash.clone())
    }

    /// Fits the canvas to its box and the screen's density.
    fn fit(&mut self, canvas: &HtmlCanvasElement) -> Option<CanvasRenderingContext2d> {
        let area = canvas.get_bounding_client_rect();
        (self.width, self.height) = (area.width(), area.height());
        if self.width < 1.0 || self.height < 1.0 {
            return None;
        }
        let density = web_sys::window()?.device_pixel_ratio().clamp(1.0, 3.0);
        let (wide, high) = (pixels(self.width * density), pixels(self.height * density));
        if canvas.width() != wide || canvas.height() != high {
            canvas.set_width(wide);
            canvas.set_height(high);
        }
        let context: CanvasRenderingContext2d = canvas.get_context("2d").ok()??.dyn_into().ok()?;
        context.set_transform(density, 0.0, 0.0, density, 0.0, 0.0).ok()?;
        Some(context)
    }

    fn step_camera(&mut self, dag: &Dag, scale: Scale, steady: bool) -> bool {
        let target = f64::from(dag.last_column()) * scale.step - (self.width - 2.5 * scale.side);
        // A short chain starts at the left edge.
        let target = target.max(-scale.step);
        let now = self.camera.filter(|c| !steady && (c - target).abs() < self.width).unwrap_or(target);
        let next = now + (target - now) * EASE;
        let moving = (target - next).abs() > AT_REST;
        self.camera = Some(if moving { next } else { target });
        moving
    }

    fn step_heights(&mut self, dag: &Dag, scale: Scale, steady: bool) -> bool {
        let mut moving = false;
        let mut next = BTreeMap::new();
        for placed in dag.iter() {
            let target = self.target_height(placed, scale);
            let now = self.heights.get(&placed.block.hash).copied().filter(|_| !steady).unwrap_or(target);
            let height = now + (target - now) * EASE;
            let far = (target - height).abs() > AT_REST;
            moving |= far;
            next.insert(placed.block.hash.clone(), if far { height } else { target });
        }
        self.heights = next;
        moving
    }

    fn target_height(&self, placed: &Placed, scale: Scale) -> f64 {
        let top = if scale.labels { 40.0 } else { scale.side };
        let room = (self.height - top - scale.side) / 2.0;
        let middle = top + room;
        let wave = (f64::from(placed.column) * 0.19).sin() * room * 0.2;
        if placed.on_chain {
            return middle + wave;
        }
        let side = f64::from(placed.lane.signum());
        let depth = f64::from(placed.lane.unsigned_abs()) / 4.0;
        let reach = if side > 0.0 { room + wave } else { room - wave };
        middle + wave - side * (0.28 + 0.68 * depth) * reach
    }

    fn place(&self, placed: &Placed, scale: Scale) -> (f64, f64) {
        let aside = if placed.on_chain { 0.0 } else { placed.aside };
        let x = (f64::from(placed.column) + aside) * scale.step - self.camera.unwrap_or(0.0);
        let y = self.heights.get(&placed.block.hash).copied().unwrap_or(self.height / 2.0);
        (x, y)
    }

    fn visible(&self, placed: &Placed, scale: Scale) -> Option<(f64, f64)> {
        let (x, y) = self.place(placed, scale);
        (x > -2.0 * scale.step && x < self.width + scale.step).then_some((x, y))
    }

    fn edges(&self, context: &CanvasRenderingContext2d, dag: &Dag, palette: &Palette, scale: Scale) {
        for spine in [false, true] {
            context.begin_path();
            for placed in dag.iter() {
                for parent in &placed.block.parents {
                    let Some(parent) = dag.find(parent) else { continue };
                    let on_spine =
                        placed.on_chain && parent.on_chain && parent.block.hash == placed.block.selected_parent;
                    if on_spine != spine {
                        continue;
                    }
                    if let (Some((x, y)), (px, py)) = (self.visible(placed, scale), self.place(parent, scale)) {
                        let half = (x + px) / 2.0;
                        context.move_to(x, y);
                        context.bezier_curve_to(half, y, half, py, px, py);
                    }
                }
            }
            context.set_stroke_style_str(if spine { &palette.accent } else { &palette.line });
            context.set_global_alpha(if spine { 0.55 } else { 1.0 });
            context.set_line_width(if spine { 2.0 } else { 1.2 });
            context.stroke();
            context.set_global_alpha(1.0);
        }
    }

    fn labels(&self, context: &CanvasRenderingContext2d, dag: &Dag, palette: &Palette, scale: Scale) {
        context.set_font("600 11px 'Inter Variable', system-ui, sans-serif");
        context.set_text_align("center");
        context.set_text_baseline("middle");
        // Newest first; an older label that would lie on a newer one is left out, its ring stays.
        let mut taken: Vec<(f64, f64)> = Vec::new();
        for placed in dag.iter().rev().filter(|p| !p.payments.is_empty()) {
            let Some((x, y)) = self.visible(placed, scale) else { continue };
            let text = placed.payments.join(", ");
            let wide = context.measure_text(&text).map_or(100.0, |m| m.width()) + 20.0;
            let left = (x - wide / 2.0).clamp(2.0, (self.width - wide - 2.0).max(2.0));
            if x < 0.0 || taken.iter().any(|(from, to)| left < *to + 6.0 && left + wide + 6.0 > *from) {
                continue;
            }
            taken.push((left, left + wide));
            context.begin_path();
            let _ = context.set_line_dash(&js_sys::Array::of2(&JsValue::from(2), &JsValue::from(3)));
            context.move_to(x, y - scale.side);
            context.line_to(x, 26.0);
            context.set_stroke_style_str(&palette.ink);
            context.set_line_width(1.0);
            context.stroke();
            let _ = context.set_line_dash(&js_sys::Array::new());
            rounded(context, left, 4.0, wide, 22.0, 6.0);
            context.set_fill_style_str(&palette.ink);
            context.fill();
            context.set_fill_style_str(&palette.ground);
            let _ = context.fill_text(&text, left + wide / 2.0, 15.5);
        }
    }
}

fn block(
    context: &CanvasRenderingContext2d,
    placed: &Placed,
    x: f64,
    y: f64,
    palette: &Palette,
    side: f64,
    picked: Option<&str>,
) {
    let colour = palette.of(placed.state);
    let half = side / 2.0;
    rounded(context, x - half, y - half, side, side, side * 0.29);
    context.set_global_alpha(if placed.on_chain { 1.0 } else { 0.78 });
    if placed.state == BlockState::Outside {
        // Empty, not only red: the state must not hang on colour alone.
        context.set_stroke_style_str(colour);
        context.set_line_width(1.3);
        context.stroke();
    } else {
        context.set_fill_style_str(colour);
        context.fill();
    }
    context.set_global_alpha(1.0);
    let ring = |radius: f64, width: f64| {
        context.begin_path();
        let _ = context.arc(x, y, radius, 0.0, TAU);
        context.set_stroke_style_str(&palette.ink);
        context.set_line_width(width);
        context.stroke();
    };
    if !placed.payments.is_empty() {
        ring(side * 1.08, 1.6);
    }
    if picked == Some(placed.block.hash.as_str()) {
        ring(side * 1.35, 2.4);
    }
}

fn show(canvas: &HtmlCanvasElement, name: &str, value: &str) {
    if canvas.get_attribute(name).as_deref() != Some(value) {
        let _ = canvas.set_attribute(name, value);
    }
}

fn rounded(context: &CanvasRenderingContext2d, x: f64, y: f64, width: f64, height: f64, radius: f64) {
    context.begin_path();
    context.move_to(x + radius, y);
    let corners = [
        (x + width, y, x + width, y + height),
        (x + width, y + height, x, y + height),
        (x, y + height, x, y),
        (x, y, x + width, y),
    ];
    for (x1, y1, x2, y2) in corners {
        let _ = context.arc_to(x1, y1, x2, y2, radius);
    }
    context.close_path();
}

#[expect(clippy::cast_possible_truncation, reason = "a canvas is some thousand pixels wide")]
fn pixels(size: f64) -> u32 {
    size.round() as u32
}
