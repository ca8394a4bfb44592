export { init, use, connect } from 'echarts/core';
import { use } from 'echarts/core';
import { LineChart, ScatterChart, BarChart, CustomChart, ParallelChart } from 'echarts/charts';
import { GridComponent, TooltipComponent, DataZoomComponent, BrushComponent, AriaComponent,
  ParallelComponent, LegendComponent, MarkLineComponent } from 'echarts/components';
import { CanvasRenderer } from 'echarts/renderers';
use([LineChart, ScatterChart, BarChart, CustomChart, ParallelChart, GridComponent, TooltipComponent,
  DataZoomComponent, BrushComponent, AriaComponent, ParallelComponent, LegendComponent,
  MarkLineComponent, CanvasRenderer]);
