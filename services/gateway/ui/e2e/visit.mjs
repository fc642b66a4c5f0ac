/** Opens the demo page with the widget of a channel on it. */
import { WidgetPage } from "./widget-page.mjs";

export async function visit(context, origin, channel, query = "") {
  const widget = new WidgetPage(await context.newPage());
  await widget.visit(`${origin}/demo?channel=${channel}${query}`);
  await widget.open();
  return widget;
}
