// Words of the widgets in the page's language; English where there are none.
import { app } from "../../../scripts/app.js";

const CHINESE = {
  "Draw area": "绘制区域",
  "Then drag a box on the map. Shift and drag does it at any time.": "然后在地图上拖出一个框。按住 Shift 拖动随时可用。",
  "Whole imagery": "整幅影像",
  "Four zeros: all that the imagery covers.": "四个零：影像覆盖的全部范围。",
  "Look at it": "查看区域",
  "Bring the area into view.": "将区域移到视野中。",
  "Connect Load Imagery to see the ground.": "连接“加载影像”后即可看到地面。",
  "Queue once to see the imagery.": "运行一次后即可看到影像。",
  "Zoom {zoom}": "级别 {zoom}",
  "Tiles: {tiles} · windows to paint: {windows} · {time}": "瓦片：{tiles} · 需绘制的窗口：{windows} · {time}",
  "the time is known after the first run": "首次运行后可知用时",
  "about {time}": "约 {time}",
  "{number} s": "{number} 秒",
  "{number} min": "{number} 分钟",
  "{number} h": "{number} 小时",
  "Queue the graph: the map appears here.": "运行工作流后，地图显示在这里。",
  "How much of the map is seen over the imagery.": "地图覆盖在影像上的不透明度。",
  Swipe: "卷帘",
  "Left of the line the map, right of it the imagery.": "线的左侧是地图，右侧是影像。",
  Whole: "全图",
  "Show the whole map.": "显示整幅地图。",
  Legend: "图例",
  "The colours of the map.": "地图的颜色。",
  Map: "地图",
  "Painting …": "正在绘制…",
  "Show zoom {zoom}": "显示级别 {zoom}",
  "Zoom {zoom} · {scale} · {resolution} m per pixel at the equator": "级别 {zoom} · {scale} · 赤道处每像素 {resolution} 米",
  "The map has no zoom {zoom}: choose one above.": "地图没有级别 {zoom}：请在上方选择。",
  "Drag: the map on the left, the imagery on the right.": "拖动：左侧是地图，右侧是影像。",
  "Upload imagery": "上传影像",
  "Copies a GeoTIFF or picture into ComfyUI's input folder.": "将 GeoTIFF 或图片复制到 ComfyUI 的 input 文件夹。",
  "Uploading {file} …": "正在上传 {file} …",
  "{file} ({size} MB) is over this server's upload limit. Copy it into ComfyUI's folder input/, then press R.":
    "{file}（{size} MB）超过了服务器的上传限制。请将其复制到 ComfyUI 的 input/ 文件夹，然后按 R。",
  "{file} is in the input folder.": "{file} 已在 input 文件夹中。",
  "{file} was not uploaded: {reason}": "{file} 未能上传：{reason}",
  "New seed": "新种子",
  "Another world noise: other details, the same ground.": "另一份世界噪声：细节不同，地面相同。",
  "Use last seed": "使用上次的种子",
  "Back to the seed of the last run, or of the run before it.": "回到上次运行或更早一次运行的种子。",
  "Paint on the map": "在地图上绘制",
  "Opens the mask and paint editor on this zoom.": "在遮罩与绘画编辑器中打开这一级别。",
  "Clear the edit": "清除编辑",
  "Forgets what was painted.": "丢弃已绘制的内容。",
  "Queue once: then the map is here to paint on.": "运行一次后，即可在此处的地图上绘制。",
  "The edit is saved: queue the graph to draw again what depends on it.": "编辑已保存：运行工作流，重绘受其影响的部分。",
  "The edit is taken back: queue the graph to see the map as it was.": "编辑已撤销：运行工作流，查看原来的地图。",
  "Queue once: then palettes are tried here at once.": "运行一次后，即可在此即时试用配色。",
};

/** A text in the page's language, with {names} replaced by values. */
export const say = (english, values = {}) => {
  const locale = app.extensionManager?.setting?.get?.("Comfy.Locale") ?? "en";
  const text = (locale.startsWith("zh") && CHINESE[english]) || english;
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
};
